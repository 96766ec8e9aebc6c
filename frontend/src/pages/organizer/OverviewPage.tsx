import { useState } from 'react';
import { events } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { useResource } from '../../api/useResource';
import type { Event, EventStats } from '../../api/types';
import { Busy } from '../../components/Busy';
import { LiveCapacity } from '../../components/Capacity';
import { Confirm } from '../../components/Confirm';
import { Loaded, Pending, ProblemNote } from '../../components/States';
import { undeliveredText } from '../../live/updates';
import type { Counts, DeliveryProblems, LatestCheckIn } from '../../live/updates';
import { useCounts, useRereadOnChange, useTopic } from '../../live/useLive';
import { Link } from '../../routing/Link';
import { formatMoment } from '../../time/format';
import { serverNow } from '../../time/serverClock';
import { ManagedEvent } from './ManagedEvent';
import { list, number, plural, rich, t } from '../../language/text';

export function OverviewPage({ id = '' }: { id?: string }) {
  return <ManagedEvent id={id} section="Overview">{(event, set) => <Overview event={event} set={set} />}</ManagedEvent>;
}

function Overview({ event, set }: { event: Event; set: (event: Event) => void }) {
  const counts = useCounts(event);
  return (
    <div className="em-stack-l">
      {event.status !== 'draft' && <div className="em-card"><LiveCapacity event={event} counts={counts} /></div>}
      <Lifecycle event={event} counts={counts} set={set} />
      {event.status !== 'draft' && <Figures eventId={event.id} revision={counts.revision} />}
    </div>
  );
}

/** Who holds what, and who has come in: read when the places change, and told by the dashboard's topic. */
function Figures({ eventId, revision }: { eventId: string; revision: number }) {
  const stats = useResource<EventStats>(`stats:${eventId}`, (signal) => events.stats(eventId, signal));
  useRereadOnChange(revision, stats.reload);
  const [last, setLast] = useState<LatestCheckIn[]>([]);
  const [problems, setProblems] = useState<DeliveryProblems | null>(null);
  useTopic(stats.data === undefined ? null : `organizer:${eventId}`, (update) => {
    if (update.type === 'checkIns') {
      stats.set((now) => ({ ...now, checkedIn: update.checkedIn }));
      setLast(update.last);
    }
    // After a reconnect another hub may answer, with an older reading.
    if (update.type === 'deliveryProblems') setProblems((held) => (held !== null && held.revision > update.revision ? held : update));
  });
  return (
    <>
      <section aria-labelledby="figures-heading">
        <h2 id="figures-heading">{t('In figures')}</h2>
        <UndeliveredMail problems={problems} eventId={eventId} />
        <Loaded of={stats} pending={<Pending heights={[104]} />}>
          {(now) => (
            <dl className="em-figures" data-testid="stats">
              <Figure name={t('Confirmed')} value={now.confirmed} of={now.capacity} />
              <Figure name={t('In line')} value={now.waitlisted} />
              <Figure name={t('Checked in')} value={now.checkedIn} of={now.confirmed} />
              <Figure name={t('Cancelled')} value={now.cancelled} />
            </dl>
          )}
        </Loaded>
      </section>
      {last.length > 0 && <LastCheckIns last={last} />}
    </>
  );
}

/** Says so while mails of the event don't arrive. The region is always there: screen readers hear what appears in it. */
function UndeliveredMail({ problems, eventId }: { problems: DeliveryProblems | null; eventId: string }) {
  const { retrying = 0, failed = 0 } = problems ?? {};
  return (
    <div role="status" data-testid="undelivered">
      {(retrying > 0 || failed > 0) && (
        <div className="em-note mb-3" data-tone={failed > 0 ? 'bad' : 'warn'}>
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

function LastCheckIns({ last }: { last: LatestCheckIn[] }) {
  return (
    <section aria-labelledby="last-heading">
      <h2 id="last-heading">{t('Last through the gate')}</h2>
      <div className="em-card">
        <ul className="em-list">
          {last.map((scan) => (
            <li key={scan.ticketId} className="em-row em-row-spread">
              <span>{scan.gate ?? t('No gate named')}</span>
              <time className="em-soft em-number" dateTime={scan.at}>{formatMoment(scan.at)}</time>
            </li>
          ))}
        </ul>
      </div>
    </section>
  );
}

function Figure({ name, value, of }: { name: string; value: number; of?: number }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{number(value)}{of !== undefined && <span className="em-figure-of">{' '}{t('of {count}', { count: of })}</span>}</dd>
    </div>
  );
}

/** What people will miss, said before they see it. */
function DraftNote({ event }: { event: Event }) {
  const missing = [
    event.description ? null : t('description'), event.venue ? null : t('venue'),
    Date.parse(event.startsAt) < serverNow() ? t('start that lies ahead') : null,
  ].filter((item): item is string => item !== null);
  return (
    <div className="em-note" data-tone="warn">
      <div>{t('This is a draft. Only you can see it until you publish it.')}</div>
      {missing.length > 0 && <div>{rich('Still missing: {list}. {link}', { list: list(missing), link: <Link to={`/organizer/events/${event.id}/edit`}>{t('Edit')}</Link> })}</div>}
    </div>
  );
}

function Lifecycle({ event, counts, set }: { event: Event; counts: Counts; set: (event: Event) => void }) {
  const [asking, setAsking] = useState(false);
  const publish = useAction(async () => set(await events.publish(event.id)));
  const cancel = useAction(async () => {
    set(await events.cancel(event.id));
    setAsking(false);
  });
  const told = counts.confirmed + counts.waitlisted;
  return (
    <div className="em-stack">
      <ProblemNote problem={publish.problem} />
      {event.status === 'draft' && <DraftNote event={event} />}
      <div className="em-row">
        {event.status === 'draft' && <Busy pending={publish.pending} className="btn btn-primary" onClick={() => void publish.run()}>{t('Publish')}</Busy>}
        <Link className="btn btn-outline-secondary" to={`/events/${event.id}`}>{t('View event page')}</Link>
        <Link className="btn btn-outline-secondary" to={`/organizer/new?from=${event.id}`}>{t('Duplicate')}</Link>
        {event.status === 'published' && <button type="button" className="btn btn-outline-danger" onClick={() => setAsking(true)}>{t('Cancel event')}</button>}
      </div>
      {asking && (
        <Confirm title={t('Cancel this event?')} confirm={t('Yes, cancel event')} dismiss={t('Keep the event')}
          pending={cancel.pending} problem={cancel.problem}
          onConfirm={() => void cancel.run()} onDismiss={() => { cancel.clear(); setAsking(false); }}>
          {told === 0
            ? t('Nobody is registered yet, so nobody has to be told. This can’t be undone.')
            : plural('{count} person will be told by email. All tickets stop being valid. This can’t be undone.|{count} people will be told by email. All tickets stop being valid. This can’t be undone.', told)}
        </Confirm>
      )}
    </div>
  );
}
