import { useState } from 'react';
import { auth } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { Busy } from '../../components/Busy';
import { PageTitle } from '../../components/PageTitle';
import { ProblemNote } from '../../components/States';
import { Link } from '../../routing/Link';
import { restoreSession, useSession } from '../../session/session';
import { useLinkToken } from './useLinkToken';
import { rich, t } from '../../language/text';

/** Where the link in the mail to a new address leads. */
export function ChangeEmailPage() {
  const token = useLinkToken();
  return (
    <div className="em-narrow">
      <PageTitle title={t('Confirm your new address')} />
      <div className="em-card em-stack">
        {token === null
          ? <p className="em-note mb-0" data-tone="warn">{t('This page opens with the link in our mail. If you reloaded it, follow the link once more.')}</p>
          : <Confirmation key={token} token={token} />}
      </div>
    </div>
  );
}

/** Takes a press of a button, as confirming a first address does: programs that look into mails open links too. */
function Confirmation({ token }: { token: string }) {
  const { user } = useSession();
  const [done, setDone] = useState(false);
  const confirm = useAction(async () => {
    await auth.confirmEmail(token);
    setDone(true);
    if (user) await restoreSession(0, true);
  });
  if (done) {
    return (
      <>
        <p role="status" className="em-note mb-0" data-tone="good">{rich('{strong} This is your account’s address from now on.', { strong: <strong>{t('Done.')}</strong> })}</p>
        {user ? <Link className="btn btn-primary" to="/account">{t('See your account')}</Link> : <Link className="btn btn-primary" to="/sign-in">{t('Sign in')}</Link>}
      </>
    );
  }
  return (
    <>
      <ProblemNote problem={confirm.problem} />
      {confirm.problem?.slug === 'link-invalid'
        ? <Link className="btn btn-primary" to="/account">{t('Ask for another one')}</Link>
        : <Busy pending={confirm.pending} className="btn btn-primary btn-lg" onClick={() => void confirm.run()}>{t('Confirm my new address')}</Busy>}
    </>
  );
}
