import { useState } from 'react';
import { auth } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { Busy } from '../../components/Busy';
import { PageTitle } from '../../components/PageTitle';
import { ProblemNote } from '../../components/States';
import { Link } from '../../routing/Link';
import { useSession } from '../../session/session';
import { ResendVerification } from './ResendVerification';
import { useLinkToken } from './useLinkToken';
import { rich, t } from '../../language/text';

export function VerifyEmailPage() {
  const token = useLinkToken();
  const { user } = useSession();
  return (
    <div className="em-narrow">
      <PageTitle title={t('Confirm your email address')} />
      <div className="em-card em-stack">
        {token === null ? (
          <>
            <p className="em-note mb-0" data-tone="warn">{t('This page opens with the link in our mail. If you reloaded it, follow the link once more.')}</p>
            <ResendVerification email={user?.email} />
          </>
        ) : <Verification key={token} token={token} />}
      </div>
    </div>
  );
}

/** Takes a press of a button: programs that look into mails for harmful links open them too, and would confirm an
 * address that somebody else signed up with. */
function Verification({ token }: { token: string }) {
  const { user } = useSession();
  const [done, setDone] = useState(false);
  const verify = useAction(async () => {
    await auth.verifyEmail(token);
    setDone(true);
  });
  if (done) {
    return (
      <>
        <p role="status" className="em-note mb-0" data-tone="good">{rich('{strong} Your address is confirmed.', { strong: <strong>{t('Thank you.')}</strong> })}</p>
        {user ? <Link className="btn btn-primary" to="/">{t('See the events')}</Link> : <Link className="btn btn-primary" to="/sign-in">{t('Sign in')}</Link>}
      </>
    );
  }
  if (verify.problem?.slug === 'link-invalid') {
    return (
      <>
        <p role="alert" className="em-note mb-0" data-tone="warn" data-problem="link-invalid">
          {rich('{message} If you confirmed your address before, just {link}.', { message: verify.problem.message, link: <Link to="/sign-in">{t('sign in')}</Link> })}
        </p>
        <ResendVerification email={user?.email} />
      </>
    );
  }
  return (
    <>
      <ProblemNote problem={verify.problem} />
      <p className="mb-0">{t('One press, and your account is ready.')}</p>
      <Busy pending={verify.pending} className="btn btn-primary btn-lg" onClick={() => void verify.run()}>{t('Confirm my address')}</Busy>
    </>
  );
}
