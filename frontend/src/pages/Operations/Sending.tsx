import { admin } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { useResource } from '../../api/useResource';
import type { Sending as State, SystemReport } from '../../api/types';
import { Badge } from '../../components/Badge';
import { Busy } from '../../components/Busy';
import { Loaded, Pending, ProblemNote } from '../../components/States';
import { number, t } from '../../language/text';
import { formatMoment } from '../../time/format';

/** How mail goes out, and the switch that holds it back: what is owed waits and goes later. */
export function Sending({ mail }: { mail: SystemReport['mail'] }) {
  const sending = useResource<State>('sending', (signal) => admin.sending(signal));
  const change = useAction(async (isOn: boolean) => {
    const now = await admin.setSending(isOn);
    sending.set(() => now);
  });
  return (
    <section aria-labelledby="mail-heading" className="em-stack">
      <h2 id="mail-heading" className="mb-0">{t('Mail')}</h2>
      {mail && (
        <dl className="em-figures">
          <div><dt>{t('Unsent')}</dt><dd><span>{number(mail.unsent)}</span>{mail.oldestUnsentSeconds !== null && <span className="em-figure-of">{` ${t('since {seconds} s', { seconds: Math.round(mail.oldestUnsentSeconds) })}`}</span>}</dd></div>
          <div><dt>{t('Retrying')}</dt><dd>{number(mail.retrying)}</dd></div>
          <div><dt>{t('Failed today')}</dt><dd>{number(mail.failedToday)}</dd></div>
        </dl>
      )}
      <Loaded of={sending} pending={<Pending heights={[72]} />}>
        {({ isPaused, pausedAt, pausedBy }) => (
          <div className="em-card em-row em-row-spread">
            <span role="status">
              <Badge tone={isPaused ? 'warn' : 'good'}>{isPaused ? t('Paused') : t('Sending')}</Badge>
              {isPaused && <span className="em-small em-soft ms-2">{[pausedBy?.displayName, pausedAt && formatMoment(pausedAt)].filter(Boolean).join(', ')}</span>}
            </span>
            <Busy pending={change.pending} className="btn btn-sm btn-outline-secondary" onClick={() => void change.run(isPaused)}>
              {isPaused ? t('Resume sending') : t('Pause sending')}
            </Busy>
          </div>
        )}
      </Loaded>
      <ProblemNote problem={change.problem} />
    </section>
  );
}
