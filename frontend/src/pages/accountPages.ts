// One's account, where links in mails lead, and how to get one: seldom needed, fetched when one of them is opened.
export { AcceptTicketPage } from './account/AcceptTicketPage';
export { ApiKeysPage } from './account/ApiKeysPage';
export { AccountPage } from './account/AccountPage';
export { ChangeEmailPage } from './account/ChangeEmailPage';
export { ForgotPasswordPage } from './account/ForgotPasswordPage';
export { ResetPasswordPage } from './account/ResetPasswordPage';
export { SignInLinkPage } from './account/SignInLinkPage';
export { UnsubscribePage } from './account/UnsubscribePage';
export { VerifyEmailPage } from './account/VerifyEmailPage';
