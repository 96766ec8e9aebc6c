import { useState } from 'react';
import { events } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import type { Event } from '../../api/types';
import { Busy } from '../../components/Busy';
import { Confirm } from '../../components/Confirm';
import { ProblemNote } from '../../components/States';
import { plural, t } from '../../language/text';
import type { Text } from '../../language/text';
import type { Counts } from '../../live/updates';
import { Link } from '../../routing/Link';
import { serverNow } from '../../time/serverClock';

/** What people will look for, whether it is there, and whether the event can't do without. */
const wanted: { name: Text; isThere: (event: Event) => boolean; isNeeded: boolean }[] = [
  { name: 'It starts in the future', isThere: (event) => Date.parse(event.startsAt) > serverNow(), isNeeded: true },
  { name: 'It has a description', isThere: (event) => event.description !== '', isNeeded: false },
  { name: 'It has a venue', isThere: (event) => event.venue !== '', isNeeded: false },
  { name: 'Registration closes before it ends', isNeeded: false,
    isThere: ({ registrationClosesAt, endsAt }) => registrationClosesAt === null || Date.parse(registrationClosesAt) <= Date.parse(endsAt) },
  { name: 'It keeps a waitlist when it is full', isThere: (event) => event.waitlistEnabled, isNeeded: false },
];

function Checklist({ event }: { event: Event }) {
  return (
    <div className="em-card">
      <h2>{t('Before you publish')}</h2>
      <p>{t('This is a draft. Only you can see it until you publish it.')}</p>
      <ul className="em-checklist" aria-label={t('Before you publish')}>
        {wanted.map(({ name, isThere, isNeeded }) => {
          const state = isThere(event) ? 'there' : isNeeded ? 'needed' : 'missing';
          return (
            <li key={name} data-state={state}>
              <span><span>{t(name)}</span>{state !== 'there' && <span className="em-soft">{`: ${t(state === 'needed' ? 'not yet' : 'not yet, and it may stay so')}`}</span>}</span>
            </li>
          );
        })}
      </ul>
      <div className="mt-3"><Link to={`/organizer/events/${event.id}/edit`}>{t('Edit')}</Link></div>
    </div>
  );
}

/** What can be done with the event as a whole. */
export function Lifecycle({ event, counts, set }: { event: Event; counts: Counts; set: (event: Event) => void }) {
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
      {event.status === 'draft' && <Checklist event={event} />}
      <div className="em-row">
        {event.status === 'draft' && <Busy pending={publish.pending} className="btn btn-primary" onClick={() => void publish.run()}>{t('Publish')}</Busy>}
        <Link className="btn btn-outline-secondary" to={`/events/${event.id}`}>{t('View event page')}</Link>
        <Link className="btn btn-outline-secondary" to={`/organizer/new?from=${event.id}`}>{t('Duplicate event')}</Link>
        {(event.status === 'published' || event.status === 'ended') && <button type="button" className="btn btn-outline-danger" onClick={() => setAsking(true)}>{t('Cancel event')}</button>}
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
