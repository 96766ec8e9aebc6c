import { useState } from 'react';
import { account } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { Busy } from '../../components/Busy';
import { PageTitle } from '../../components/PageTitle';
import { ProblemNote } from '../../components/States';
import { t } from '../../language/text';
import { Link } from '../../routing/Link';
import { useLinkToken } from './useLinkToken';

/** Where the foot of a mail leads. Takes a press of a button: programs that look into mails open links too. */
export function UnsubscribePage() {
  const token = useLinkToken();
  return (
    <div className="em-narrow">
      <PageTitle title={t('Fewer mails')} />
      <div className="em-card em-stack">
        {token === null
          ? <p className="em-note mb-0" data-tone="warn">{t('This page opens with the link in our mail. If you reloaded it, follow the link once more.')}</p>
          : <Choice key={token} token={token} />}
        <p className="em-small mb-0"><Link to="/account">{t('Choose what comes')}</Link></p>
      </div>
    </div>
  );
}

function Choice({ token }: { token: string }) {
  const [state, setState] = useState<{ topic: string; mail: boolean } | null>(null);
  const change = useAction(async (mail: boolean) => setState(await account.unsubscribe(token, mail)));
  const isOff = state !== null && !state.mail;
  return (
    <>
      <ProblemNote problem={change.problem} />
      <div role="status">
        {isOff && <p className="em-note mb-0" data-tone="good">{state.topic === 'reminders' ? t('We don’t mail you reminders any more.') : t('We don’t mail you announcements any more.')}</p>}
        {state?.mail && <p className="em-note mb-0" data-tone="good">{t('Such mails come again.')}</p>}
      </div>
      {!isOff && !state && <p className="mb-0">{t('Mails about your place and its ticket still come.')}</p>}
      <Busy pending={change.pending} className={isOff ? 'btn btn-outline-secondary' : 'btn btn-primary btn-lg'} onClick={() => void change.run(isOff)}>
        {isOff ? t('Undo') : t('No more of these mails')}
      </Busy>
    </>
  );
}
