import { auth } from '../../api/endpoints';
import { PageTitle } from '../../components/PageTitle';
import { Link } from '../../routing/Link';
import { useSession } from '../../session/session';
import { MailRequest } from './MailRequest';

export function ForgotPasswordPage() {
  const { user } = useSession();
  return (
    <div className="em-narrow">
      <PageTitle title="Forgot your password?">
        <p className="em-soft mb-0">We send you a link with which you can choose a new one.</p>
      </PageTitle>
      <div className="em-card em-stack">
        <MailRequest name="Ask for a new password" submitLabel="Send the link" email={user?.email} request={auth.requestPasswordReset}
          answer={(email) => <>If there is an account with the address <strong>{email}</strong>, a mail with a link is on its way to it.</>} />
        <p className="mb-0 em-small">Remembered it? <Link to="/sign-in">Sign in</Link></p>
      </div>
    </div>
  );
}
