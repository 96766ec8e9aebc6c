import { useState } from 'react';
import { tickets } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { Busy } from '../../components/Busy';
import { PageTitle } from '../../components/PageTitle';
import { Pending, ProblemNote } from '../../components/States';
import { Link } from '../../routing/Link';
import { useSession } from '../../session/session';
import { SignInForm } from './SignInForm';
import { useLinkToken } from './useLinkToken';
import { rich, t } from '../../language/text';

/** Where the mail about an offered ticket leads. */
export function AcceptTicketPage() {
  const token = useLinkToken();
  const { status, user } = useSession();
  return (
    <div className="em-narrow">
      <PageTitle title={t('A ticket for you')} />
      <div className="em-card em-stack">
        {token === null ? (
          <p className="em-note mb-0" data-tone="warn">{t('This page opens with the link in our mail. If you reloaded it, follow the link once more.')}</p>
        ) : status === 'restoring' ? <Pending heights={[72]} />
          : user ? <Acceptance key={token} token={token} name={user.displayName} email={user.email} /> : (
          <>
            <p className="mb-0">{t('Somebody offers you their place. Sign in, and it can be yours.')}</p>
            <SignInForm onDone={() => undefined} />
            <p className="em-small mb-0">{rich('New here? {link}, then follow the link in the mail once more.', { link: <Link to="/sign-up">{t('Create an account')}</Link> })}</p>
          </>
        )}
      </div>
    </div>
  );
}

function Acceptance({ token, name, email }: { token: string; name: string; email: string }) {
  const [done, setDone] = useState(false);
  const accept = useAction(async () => {
    await tickets.accept(token);
    setDone(true);
  });
  if (done) {
    return (
      <>
        <p role="status" className="em-note mb-0" data-tone="good">{rich('{strong} Your own ticket is being made; it comes by mail, too.', { strong: <strong>{t('The place is yours.')}</strong> })}</p>
        <Link className="btn btn-primary" to="/tickets">{t('See your tickets')}</Link>
      </>
    );
  }
  return (
    <>
      <ProblemNote problem={accept.problem} />
      <p className="mb-0">{rich('Somebody offers you their place. You are signed in as {name} ({email}): accept, and it is yours; their ticket then stops being valid.', { name: <strong>{name}</strong>, email })}</p>
      <Busy pending={accept.pending} className="btn btn-primary btn-lg" onClick={() => void accept.run()}>{t('Accept the ticket')}</Busy>
    </>
  );
}
