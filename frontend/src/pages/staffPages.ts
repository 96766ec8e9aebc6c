// What organizers and admins need, fetched together when the first of it is opened.
export { AuditPage } from './Operations/AuditPage';
export { SystemPage } from './Operations/SystemPage';
export { UserEventsPage } from './Accounts/UserEventsPage';
export { UsersPage } from './Accounts/UsersPage';
export { AnnouncementsPage } from './Notifications/AnnouncementsPage';
export { AttendeesPage } from './Registrations/AttendeesPage';
export { CheckInPage } from './CheckIn/CheckInPage';
export { CreateEventPage } from './Events/CreateEventPage';
export { EditEventPage } from './Events/EditEventPage';
export { MailsPage } from './Notifications/MailsPage';
export { OverviewPage } from './Events/OverviewPage';
export { OwnEventsPage } from './Events/OwnEventsPage';
export { TeamPage } from './Events/TeamPage';
export { SubscriptionPage } from './Integrations/SubscriptionPage';
export { SubscriptionsPage } from './Integrations/SubscriptionsPage';
