import { useState } from 'react';
import { auth } from '../../api/endpoints';
import { Link } from '../../routing/Link';
import { useSession } from '../../session/session';
import { MailedLink, Press } from './MailedLink';
import { ResendVerification } from './ResendVerification';
import { rich, t } from '../../language/text';

export function VerifyEmailPage() {
  const { user } = useSession();
  // Of an account that was set up before its address was confirmed: everything in it has ended, the password too.
  const [passwordToken, setPasswordToken] = useState<string | null>(null);
  const another = <ResendVerification email={user?.email} />;
  const thanks = { strong: <strong>{t('Thank you.')}</strong> };
  return (
    <MailedLink title={t('Confirm your email address')} another={another}>
      {(token) => (
        <Press button={t('Confirm my address')} another={another}
          act={async () => setPasswordToken(await auth.verifyEmail(token))}
          done={passwordToken === null
            ? rich('{strong} Your address is confirmed.', thanks)
            : rich('{strong} Your address is confirmed. To keep your account safe, it was signed out everywhere, and the old password, API keys and subscriptions no longer work. Please choose a new password now.', thanks)}
          next={<Next passwordToken={passwordToken} isSignedIn={user !== null} />}
          usedUp={(message) => rich('{message} If you confirmed your address before, just {link}.', { message, link: <Link to="/sign-in">{t('sign in')}</Link> })}>
          {t('One press, and your account is ready.')}
        </Press>
      )}
    </MailedLink>
  );
}

function Next({ passwordToken, isSignedIn }: { passwordToken: string | null; isSignedIn: boolean }) {
  if (passwordToken !== null) {
    const to = `/reset-password#token=${passwordToken}`;
    return <Link className="btn btn-primary" to={to}>{t('Choose a new password')}</Link>;
  }
  return isSignedIn
    ? <Link className="btn btn-primary" to="/">{t('See the events')}</Link>
    : <Link className="btn btn-primary" to="/sign-in">{t('Sign in')}</Link>;
}
