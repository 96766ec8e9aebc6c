import { registrations } from '../api/endpoints';
import { useResource } from '../api/useResource';
import type { TimelineStep } from '../api/types';
import { serverWords } from '../language/serverWords';
import { t } from '../language/text';
import type { Text } from '../language/text';
import { useTopic } from '../live/useLive';
import { formatMoment } from '../time/format';
import { Loaded, Pending } from './States';

const steps: Record<TimelineStep['step'], { name: Text; tone: 'good' | 'warn' | 'bad' | 'plain' }> = {
  registered: { name: 'Registered', tone: 'good' }, waitlisted: { name: 'Put in line', tone: 'plain' },
  promoted: { name: 'Moved up to a place', tone: 'good' }, cancelled: { name: 'Cancelled', tone: 'plain' },
  ticketIssued: { name: 'Ticket made', tone: 'good' }, ticketRevoked: { name: 'Ticket withdrawn', tone: 'plain' },
  checkedIn: { name: 'Checked in', tone: 'good' }, mailPlanned: { name: 'An email is owed', tone: 'plain' },
  mailMuted: { name: 'Not mailed: switched off', tone: 'plain' }, mailAccepted: { name: 'The mail server took the email', tone: 'good' },
  mailDeferred: { name: 'Not taken yet, to be tried again', tone: 'warn' }, mailFailed: { name: 'The email could not be delivered', tone: 'bad' },
  mailDropped: { name: 'Not mailed: overtaken', tone: 'plain' }, read: { name: 'Read here', tone: 'good' },
};

/** What was owed, tried and delivered to one person at one event, the oldest first. `live`: it is one's own. */
export function Timeline({ registrationId, live }: { registrationId: string; live: boolean }) {
  const timeline = useResource<{ items: TimelineStep[] }>(`timeline:${registrationId}`, (signal) => registrations.timeline(registrationId, signal));
  useTopic(live ? 'me' : null, (update) => {
    if (update.type === 'registration' || update.type === 'ticket' || update.type === 'notification') timeline.reload();
  });
  return (
    <Loaded of={timeline} pending={<Pending heights={[120]} />}>
      {({ items }) => (
        <ol className="em-timeline" aria-label={t('What happened so far')} tabIndex={items.length > 8 ? 0 : undefined}>
          {items.map((item, index) => (
            <li key={index} data-tone={steps[item.step].tone} data-step={item.step}>
              <div>{t(steps[item.step].name)}</div>
              {item.detail && <div className="em-small em-code text-break">{serverWords(item.detail)}</div>}
              <div className="em-small em-soft">
                <time dateTime={item.at}>{formatMoment(item.at)}</time>
                {item.nextAttemptAt && ` · ${t('next try {at}', { at: formatMoment(item.nextAttemptAt) })}`}
              </div>
            </li>
          ))}
        </ol>
      )}
    </Loaded>
  );
}
