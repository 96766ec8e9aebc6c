import { useState } from 'react';
import { account } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { Busy } from '../../components/Busy';
import { ProblemNote } from '../../components/States';
import { t } from '../../language/text';
import { Link } from '../../routing/Link';
import { MailedLink, UsedUp } from '../Accounts/MailedLink';

/** Where the foot of a mail leads. */
export function UnsubscribePage() {
  return <MailedLink title={t('Fewer mails')} another={<Yourself />}>{(token) => <Choice token={token} />}</MailedLink>;
}

function Yourself() {
  return <p className="em-small mb-0"><Link to="/account">{t('Choose in your account what comes')}</Link></p>;
}

/** Takes a press of a button, as everything does that a link in a mail leads to; and can be taken back by another. */
function Choice({ token }: { token: string }) {
  const [state, setState] = useState<{ topic: string; mail: boolean } | null>(null);
  const change = useAction(async (mail: boolean) => setState(await account.unsubscribe(token, mail)));
  const isOff = state !== null && !state.mail;
  if (change.problem?.slug === 'link-invalid') return <UsedUp another={<Yourself />}>{change.problem.message}</UsedUp>;
  return (
    <>
      <ProblemNote problem={change.problem} />
      <div role="status" className="em-quiet">
        {isOff && <p className="em-note mb-0" data-tone="good">{state.topic === 'reminders' ? t('We don’t mail you reminders any more.') : t('We don’t mail you announcements any more.')}</p>}
        {state?.mail && <p className="em-note mb-0" data-tone="good">{t('Such mails come again.')}</p>}
      </div>
      <p className="mb-0">{t('Mails about your place and its ticket still come.')}</p>
      <Busy pending={change.pending} className={isOff ? 'btn btn-outline-secondary' : 'btn btn-primary btn-lg'} onClick={() => void change.run(isOff)}>
        {isOff ? t('Undo') : t('No more of these mails')}
      </Busy>
      <Yourself />
    </>
  );
}
