import type { ComponentType } from 'react';
import type { Role } from '../api/types';
import { matchPath } from '../routing/match';
import type { Parameters } from '../routing/match';
import { lazyPage } from '../routing/lazyPage';
import { OfflineTickets } from '../offline/OfflineTickets';
import { EventListPage } from './Events/EventListPage';
import { EventPage } from './Events/EventPage';
import { NotificationsPage } from './Notifications/NotificationsPage';
import { SignInPage } from './Accounts/SignInPage';
import { SignUpPage } from './Accounts/SignUpPage';
import { MyTicketsPage } from './Tickets/MyTicketsPage';
import { TicketPage } from './Tickets/TicketPage';

interface PageProps {
  id?: string;
}

export interface Route {
  pattern: string;
  page: ComponentType<PageProps>;
  /** Who may see it; nobody in particular when missing. The API decides, this only spares people dead ends. */
  roles?: readonly Role[];
  /** Shown in its place while the server can't say who is there. */
  offline?: ComponentType<PageProps>;
}

const anybody: readonly Role[] = ['user', 'organizer', 'admin'];
const organizers: readonly Role[] = ['organizer', 'admin'];
const admins: readonly Role[] = ['admin'];

type AccountPages = typeof import('./accountPages');

function accountPage(choose: (pages: AccountPages) => ComponentType<PageProps>): ComponentType<PageProps> {
  return lazyPage(async () => choose(await import('./accountPages')));
}

type StaffPages = typeof import('./staffPages');

function staffPage(choose: (pages: StaffPages) => ComponentType<PageProps>): ComponentType<PageProps> {
  return lazyPage(async () => choose(await import('./staffPages')));
}

/** Every page of the app. What attendees see first is in the first bundle; the rest is fetched when it is opened. */
const routes: readonly Route[] = [
  { pattern: '/', page: EventListPage },
  { pattern: '/events/:id', page: EventPage },
  { pattern: '/sign-in', page: SignInPage },
  { pattern: '/sign-up', page: SignUpPage },
  { pattern: '/forgot-password', page: accountPage((pages) => pages.ForgotPasswordPage) },
  { pattern: '/reset-password', page: accountPage((pages) => pages.ResetPasswordPage) },
  { pattern: '/verify-email', page: accountPage((pages) => pages.VerifyEmailPage) },
  { pattern: '/sign-in-link', page: accountPage((pages) => pages.SignInLinkPage) },
  { pattern: '/change-email', page: accountPage((pages) => pages.ChangeEmailPage) },
  { pattern: '/unsubscribe', page: accountPage((pages) => pages.UnsubscribePage) },
  { pattern: '/account', roles: anybody, page: accountPage((pages) => pages.AccountPage) },
  { pattern: '/account/api-keys', roles: anybody, page: accountPage((pages) => pages.ApiKeysPage) },
  { pattern: '/accept-ticket', page: accountPage((pages) => pages.AcceptTicketPage) },
  { pattern: '/tickets', roles: anybody, page: MyTicketsPage, offline: OfflineTickets },
  { pattern: '/tickets/:id', roles: anybody, page: TicketPage, offline: OfflineTickets },
  { pattern: '/notifications', roles: anybody, page: NotificationsPage },
  { pattern: '/organizer', roles: organizers, page: staffPage((pages) => pages.OwnEventsPage) },
  { pattern: '/organizer/new', roles: organizers, page: staffPage((pages) => pages.CreateEventPage) },
  { pattern: '/organizer/subscriptions', roles: organizers, page: staffPage((pages) => pages.SubscriptionsPage) },
  { pattern: '/organizer/subscriptions/:id', roles: organizers, page: staffPage((pages) => pages.SubscriptionPage) },
  { pattern: '/organizer/events/:id', roles: anybody, page: staffPage((pages) => pages.OverviewPage) },
  { pattern: '/organizer/events/:id/edit', roles: anybody, page: staffPage((pages) => pages.EditEventPage) },
  { pattern: '/organizer/events/:id/attendees', roles: anybody, page: staffPage((pages) => pages.AttendeesPage) },
  { pattern: '/organizer/events/:id/check-in', roles: anybody, page: staffPage((pages) => pages.CheckInPage) },
  { pattern: '/organizer/events/:id/announcements', roles: anybody, page: staffPage((pages) => pages.AnnouncementsPage) },
  { pattern: '/organizer/events/:id/mails', roles: anybody, page: staffPage((pages) => pages.MailsPage) },
  { pattern: '/organizer/events/:id/team', roles: anybody, page: staffPage((pages) => pages.TeamPage) },
  { pattern: '/admin/users', roles: admins, page: staffPage((pages) => pages.UsersPage) },
  { pattern: '/admin/users/:id/events', roles: admins, page: staffPage((pages) => pages.UserEventsPage) },
  { pattern: '/admin/audit', roles: admins, page: staffPage((pages) => pages.AuditPage) },
  { pattern: '/admin/system', roles: admins, page: staffPage((pages) => pages.SystemPage) },
];

export function findRoute(path: string): { route: Route; parameters: Parameters } | null {
  for (const route of routes) {
    const parameters = matchPath(route.pattern, path);
    if (parameters !== null) return { route, parameters };
  }
  return null;
}
