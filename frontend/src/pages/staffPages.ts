// What organizers and admins need, fetched together when the first of it is opened.
export { AuditPage } from './admin/AuditPage';
export { SystemPage } from './admin/SystemPage';
export { UserEventsPage } from './admin/UserEventsPage';
export { UsersPage } from './admin/UsersPage';
export { AnnouncementsPage } from './organizer/AnnouncementsPage';
export { AttendeesPage } from './organizer/AttendeesPage';
export { CheckInPage } from './organizer/CheckInPage';
export { CreateEventPage } from './organizer/CreateEventPage';
export { EditEventPage } from './organizer/EditEventPage';
export { MailsPage } from './organizer/MailsPage';
export { OverviewPage } from './organizer/OverviewPage';
export { OwnEventsPage } from './organizer/OwnEventsPage';
export { TeamPage } from './organizer/TeamPage';
export { SubscriptionPage } from './organizer/SubscriptionPage';
export { SubscriptionsPage } from './organizer/SubscriptionsPage';
