import { useState } from 'react';
import { events } from '../../api/endpoints';
import { usePages } from '../../api/usePages';
import { useResource } from '../../api/useResource';
import type { Delivery as State, Event, EventStats, RecordedScan } from '../../api/types';
import { Badge } from '../../components/Badge';
import { Contained } from '../../components/Contained';
import { Loaded, Pending } from '../../components/States';
import { resultWord } from '../../gate/resultWords';
import { isolated, number, plural, rich, t } from '../../language/text';
import { undeliveredText } from '../../live/updates';
import type { DeliveryProblems } from '../../live/updates';
import { useRereadOnChange, useTopic } from '../../live/useLive';
import { Link } from '../../routing/Link';
import { formatMoment } from '../../time/format';
import { Plot } from './Plot';

/** Who holds what, and who has come in: read when the places change, and told by the dashboard's topic. */
export function Dashboard({ event, revision }: { event: Event; revision: number }) {
  const stats = useResource<EventStats>(`stats:${event.id}`, (signal) => events.stats(event.id, signal));
  useRereadOnChange(revision, stats.reload);
  // The number moves at once; the plot of it follows when the stretches of time are read again.
  useRereadOnChange(stats.data?.checkedIn ?? 0, stats.reload);
  const [problems, setProblems] = useState<DeliveryProblems | null>(null);
  useTopic(stats.data === undefined ? null : `organizer:${event.id}`, (update) => {
    if (update.type === 'checkIns') stats.set((now) => ({ ...now, checkedIn: update.checkedIn }));
    // After a reconnect another hub may answer, with an older reading.
    if (update.type === 'deliveryProblems') setProblems((held) => (held !== null && held.revision > update.revision ? held : update));
  });
  return (
    <section aria-labelledby="figures-heading" className="em-stack">
      <h2 id="figures-heading" className="mb-0">{t('In figures')}</h2>
      <UndeliveredMail problems={problems} eventId={event.id} />
      <Delivery eventId={event.id} problems={problems} />
      <Loaded of={stats} pending={<Pending heights={[104, 280]} />}>
        {(now) => (
          <>
            <dl className="em-figures" data-testid="stats">
              <Figure name={t('Confirmed')} value={now.confirmed} of={now.capacity} />
              <Figure name={t('In line')} value={now.waitlisted} />
              <Figure name={t('Checked in')} value={now.checkedIn} of={now.confirmed} />
              <Figure name={t('Cancelled')} value={now.cancelled} />
            </dl>
            <div className="em-pair">
              <Plot title={t('Registrations')} hours={now.registrationsOverTime} until={event.endsAt} />
              <Plot title={t('Check-ins')} hours={now.checkInsOverTime} until={event.endsAt} />
            </div>
          </>
        )}
      </Loaded>
      <LastScans eventId={event.id} />
    </section>
  );
}

/** Says so while mails of the event don't arrive. The region is always there: screen readers hear what appears in it. */
function UndeliveredMail({ problems, eventId }: { problems: DeliveryProblems | null; eventId: string }) {
  const { retrying = 0, failed = 0 } = problems ?? {};
  return (
    <div role="status" className="em-quiet" data-testid="undelivered">
      {(retrying > 0 || failed > 0) && (
        <div className="em-note" data-tone={failed > 0 ? 'bad' : 'warn'}>
          <strong className="em-number">{undeliveredText(retrying, failed)}</strong>
          {failed > 0 && (
            <div>
              {rich('An address may be misspelt or a mailbox full. Everybody finds their ticket on this site, too. {link}', { link: <Link to={`/organizer/events/${eventId}/attendees`}>{t('See your attendees')}</Link> })}
            </div>
          )}
        </div>
      )}
    </div>
  );
}

const fewest = 5;

/** Why nothing goes out, when nothing does: an admin's pause, or no service that sends. */
function Delivery({ eventId, problems }: { eventId: string; problems: DeliveryProblems | null }) {
  const delivery = useResource<State>(`delivery:${eventId}`, (signal) => events.delivery(eventId, signal));
  useRereadOnChange(problems?.revision ?? 0, delivery.reload);
  const { data } = delivery;
  if (data === undefined || (!data.isPaused && data.sendersConnected !== false)) return null;
  return (
    <div className="em-note" data-tone="bad" data-testid="delivery">
      <strong>{data.isPaused ? t('Sending is paused by an admin.') : t('Nobody is sending mails at the moment.')}</strong>{' '}
      <span>{plural('{count} email of this event waits.|{count} emails of this event wait.', data.unsent)}</span>
    </div>
  );
}

/** The newest scans, whatever became of them. Nothing as long as there is none. */
function LastScans({ eventId }: { eventId: string }) {
  const list = usePages<RecordedScan>(`last-scans:${eventId}`, async (_cursor, signal) =>
    ({ ...(await events.scans(eventId, null, signal, fewest)), nextCursor: null }));
  useTopic(`organizer:${eventId}`, (update) => { if (update.type === 'checkIns') list.reload(); });
  if (!list.items?.length) return null;
  return (
    <section aria-labelledby="last-heading" className="em-card">
      <div className="em-row em-row-spread mb-3">
        <h3 id="last-heading" className="mb-0">{t('Last scans')}</h3>
        <Link to={`/organizer/events/${eventId}/check-in`}>{t('All scans')}</Link>
      </div>
      <ul className="em-list">
        {list.items.map((scan) => (
          <li key={scan.id} className="em-row em-row-spread"><Contained>{() => <Scan of={scan} />}</Contained></li>
        ))}
      </ul>
    </section>
  );
}

function Scan({ of: { attendee, gate, at, result } }: { of: RecordedScan }) {
  return (
    <>
      <span>
        <span className="em-strong" dir="auto">{attendee?.displayName ?? t('Unknown')}</span>
        <span className="em-small em-soft d-block">{[isolated(gate ?? t('No gate named')), formatMoment(at)].join(' · ')}</span>
      </span>
      <Badge tone={result === 'admitted' ? 'good' : 'bad'}>{resultWord(result)}</Badge>
    </>
  );
}

function Figure({ name, value, of }: { name: string; value: number; of?: number }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd><span>{number(value)}</span>{of !== undefined && <span className="em-figure-of">{` ${t('of {count}', { count: of })}`}</span>}</dd>
    </div>
  );
}
