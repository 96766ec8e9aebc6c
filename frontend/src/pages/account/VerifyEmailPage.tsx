import { auth } from '../../api/endpoints';
import { Link } from '../../routing/Link';
import { useSession } from '../../session/session';
import { MailedLink, Press } from './MailedLink';
import { ResendVerification } from './ResendVerification';
import { rich, t } from '../../language/text';

export function VerifyEmailPage() {
  const { user } = useSession();
  const another = <ResendVerification email={user?.email} />;
  return (
    <MailedLink title={t('Confirm your email address')} another={another}>
      {(token) => (
        <Press button={t('Confirm my address')} act={() => auth.verifyEmail(token)} another={another}
          done={rich('{strong} Your address is confirmed.', { strong: <strong>{t('Thank you.')}</strong> })}
          next={user ? <Link className="btn btn-primary" to="/">{t('See the events')}</Link> : <Link className="btn btn-primary" to="/sign-in">{t('Sign in')}</Link>}
          usedUp={(message) => rich('{message} If you confirmed your address before, just {link}.', { message, link: <Link to="/sign-in">{t('sign in')}</Link> })}>
          {t('One press, and your account is ready.')}
        </Press>
      )}
    </MailedLink>
  );
}
