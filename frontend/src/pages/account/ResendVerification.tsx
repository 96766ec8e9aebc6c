import { auth } from '../../api/endpoints';
import { MailRequest } from './MailRequest';

/** Has the mail with the confirmation link sent once more. */
export function ResendVerification({ email }: { email?: string }) {
  return (
    <MailRequest name="Send the confirmation again" submitLabel="Send a new link" email={email} request={auth.resendVerification}
      answer={(to) => <>If <strong>{to}</strong> waits to be confirmed, a mail with a link is on its way to it.</>} />
  );
}
