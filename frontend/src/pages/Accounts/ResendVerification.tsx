import { auth } from '../../api/endpoints';
import { MailRequest } from './MailRequest';
import { rich, t } from '../../language/text';

/** Has the mail with the confirmation link sent once more. */
export function ResendVerification({ email }: { email?: string }) {
  return (
    <MailRequest name={t('Send the confirmation again')} submitLabel={t('Send a new link')} email={email} request={auth.resendVerification}
      answer={(to) => <>{rich('If {to} waits to be confirmed, a mail with a link is on its way to it.', { to: <strong>{to}</strong> })}</>} />
  );
}
