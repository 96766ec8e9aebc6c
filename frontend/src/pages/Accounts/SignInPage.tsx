import { PageTitle } from '../../components/PageTitle';
import { Link } from '../../routing/Link';
import { returnTo, useLocation } from '../../routing/history';
import { safeNext } from '../../routing/safeNext';
import { SignInForm } from './SignInForm';
import { rich, t } from '../../language/text';

export function SignInPage() {
  const { query } = useLocation();
  const next = safeNext(query.get('next'));
  return (
    <div className="em-narrow">
      <PageTitle title={t('Sign in')} />
      <div className="em-card em-stack">
        {query.get('notice') === 'password-changed' && (
          <p role="status" className="em-note mb-0" data-tone="good">{t('Your new password is saved. Sign in with it.')}</p>
        )}
        {query.get('notice') === 'account-deleted' && (
          <p role="status" className="em-note mb-0" data-tone="good">{t('Your account is deleted. Goodbye, and thank you for having been here.')}</p>
        )}
        <SignInForm onDone={() => returnTo(next)} />
        <div className="em-small em-stack-s">
          <div><Link to="/forgot-password">{t('Forgot your password?')}</Link></div>
          <div>{rich('New here? {link}', { link: <Link replace to={`/sign-up?next=${encodeURIComponent(next)}`}>{t('Create an account')}</Link> })}</div>
        </div>
      </div>
    </div>
  );
}
