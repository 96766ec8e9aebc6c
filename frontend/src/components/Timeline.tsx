import { registrations } from '../api/endpoints';
import { useResource } from '../api/useResource';
import type { MailError, TimelineStep } from '../api/types';
import { has, t } from '../language/text';
import type { Text } from '../language/text';
import { useTopic } from '../live/useLive';
import { formatMoment } from '../time/format';
import { Contained } from './Contained';
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

/** Why an email was not sent, unless the mail server itself said it. */
const mailErrors: Record<MailError, Text> = {
  rejected: 'The mail server refused the email', 'credentials-rejected': 'The mail server refused our credentials',
  'server-unreachable': 'The mail server can’t be reached', 'timed-out': 'The mail server didn’t respond in time',
  'connection-lost': 'The connection to the mail server was lost', 'tls-failed': 'No secure connection to the mail server',
  'invalid-message': 'The email isn’t valid', 'not-sent': 'The email couldn’t be sent', 'not-composed': 'The email couldn’t be created',
  outdated: 'Replaced by a newer update',
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
            <li key={index} data-tone={has(steps, item.step) ? steps[item.step].tone : 'plain'} data-step={item.step}>
              <Contained>{() => <Step of={item} />}</Contained>
            </li>
          ))}
        </ol>
      )}
    </Loaded>
  );
}

function Step({ of: { step, detail, reason, at, nextAttemptAt } }: { of: TimelineStep }) {
  return (
    <>
      <div>{has(steps, step) ? t(steps[step].name) : step}</div>
      {detail && <div className="em-small em-code text-break">{reason === null || !has(mailErrors, reason) ? detail : t(mailErrors[reason])}</div>}
      <div className="em-small em-soft">
        <time dateTime={at}>{formatMoment(at)}</time>
        {nextAttemptAt && <span>{` · ${t('next try {at}', { at: formatMoment(nextAttemptAt) })}`}</span>}
      </div>
    </>
  );
}
