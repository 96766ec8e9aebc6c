import { auth } from '../../api/endpoints';
import { PageTitle } from '../../components/PageTitle';
import { Link } from '../../routing/Link';
import { useSession } from '../../session/session';
import { MailRequest } from './MailRequest';
import { rich, t } from '../../language/text';

export function ForgotPasswordPage() {
  const { user } = useSession();
  return (
    <div className="em-narrow">
      <PageTitle title={t('Forgot your password?')}>
        <p className="em-soft mb-0">{t('We send you a link with which you can choose a new one.')}</p>
      </PageTitle>
      <div className="em-card em-stack">
        <MailRequest name={t('Ask for a new password')} submitLabel={t('Send the link')} email={user?.email} request={auth.requestPasswordReset}
          answer={(email) => <>{rich('If there is an account with the address {email}, a mail with a link is on its way to it.', { email: <strong>{email}</strong> })}</>} />
        <p className="mb-0 em-small">{rich('Remembered it? {link}', { link: <Link to="/sign-in">{t('Sign in')}</Link> })}</p>
      </div>
    </div>
  );
}
