// One's account, where links in mails lead, and how to get one: seldom needed, fetched when one of them is opened.
export { AcceptTicketPage } from './Tickets/AcceptTicketPage';
export { ApiKeysPage } from './Accounts/ApiKeysPage';
export { AccountPage } from './Accounts/AccountPage';
export { ChangeEmailPage } from './Accounts/ChangeEmailPage';
export { ForgotPasswordPage } from './Accounts/ForgotPasswordPage';
export { ResetPasswordPage } from './Accounts/ResetPasswordPage';
export { SignInLinkPage } from './Accounts/SignInLinkPage';
export { UnsubscribePage } from './Notifications/UnsubscribePage';
export { VerifyEmailPage } from './Accounts/VerifyEmailPage';
