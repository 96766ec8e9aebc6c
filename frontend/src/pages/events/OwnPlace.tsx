import { useRef, useState } from 'react';
import { registrations } from '../../api/endpoints';
import { Problem } from '../../api/problem';
import { useAction } from '../../api/useAction';
import type { Resource } from '../../api/useResource';
import type { Event, OwnRegistration } from '../../api/types';
import { Busy } from '../../components/Busy';
import { Confirm } from '../../components/Confirm';
import { ProblemNote } from '../../components/States';
import { TicketCard } from '../../components/TicketCard';
import { newId } from '../../identity/newId';
import type { Counts } from '../../live/updates';
import { Link } from '../../routing/Link';
import { useSession } from '../../session/session';
import { closedReason } from './closedReason';
import { useLineMoves } from './useOwnRegistration';

interface Props {
  event: Event;
  counts: Counts;
  own: Resource<OwnRegistration | null>;
  reloadEvent: () => void;
}

/** What the reader has to do with this event: nothing yet, a place, a place in line, or why not. */
export function OwnPlace({ event, counts, own, reloadEvent }: Props) {
  const session = useSession();
  const registration = own.data ?? null;
  const active = registration !== null && registration.status !== 'cancelled';
  const changed = (): void => { own.reload(); reloadEvent(); };
  useLineMoves(registration?.status === 'waitlisted', counts.waitlisted, own.reload);
  return (
    <div className="em-stack">
      <ProblemNote problem={own.problem} retry={own.reload} />
      <div data-testid="registration-state" data-state={registration?.status ?? 'none'} role="status" className="em-quiet">
        <StateText event={event} registration={registration} />
      </div>
      {active
        ? <HeldPlace event={event} registration={registration} changed={changed} />
        : <TakePlace event={event} counts={counts} signedIn={session.user !== null} changed={changed} />}
    </div>
  );
}

function StateText({ event, registration }: { event: Event; registration: OwnRegistration | null }) {
  if (event.status === 'cancelled') return <p className="em-note mb-0" data-tone="bad">This event was cancelled.</p>;
  switch (registration?.status) {
    case 'confirmed':
      return (
        <p className="em-note mb-0" data-tone="good">
          <strong>Your place is confirmed.</strong>{' '}
          {registration.checkedInAt ? 'You are checked in.' : registration.ticket ? 'Show this ticket at the door.' : 'Your ticket is being made…'}
        </p>
      );
    case 'waitlisted':
      return (
        <p className="em-note mb-0" data-tone="warn">
          <strong>You are in line{registration.position ? ` at ${registration.position}` : ''}.</strong> As soon as a place is free for you, you get it and we tell you.
        </p>
      );
    case 'cancelled':
      return <p className="em-note mb-0">You cancelled your registration.</p>;
    default:
      return null;
  }
}

function HeldPlace({ event, registration, changed }: { event: Event; registration: OwnRegistration; changed: () => void }) {
  const [asking, setAsking] = useState(false);
  const cancel = useAction(async () => {
    try {
      await registrations.cancel(registration.id);
    } catch (thrown) {
      if (!(thrown instanceof Problem) || thrown.slug !== 'already-cancelled') throw thrown;
    }
    setAsking(false);
    changed();
  });
  const over = event.status === 'ended' || event.status === 'cancelled';
  return (
    <>
      {registration.status === 'confirmed' && !over && (registration.ticket
        ? <TicketCard ticket={registration.ticket} title={event.title} />
        : <div className="em-ticket"><div className="em-ticket-image em-skeleton" aria-hidden="true" /></div>)}
      {!over && (
        <button type="button" className="btn btn-outline-danger" onClick={() => setAsking(true)}>Cancel registration</button>
      )}
      {asking && (
        <Confirm title="Cancel your registration?" confirm="Yes, cancel registration" dismiss="Keep my place"
          pending={cancel.pending} problem={cancel.problem}
          onConfirm={() => void cancel.run()} onDismiss={() => { cancel.clear(); setAsking(false); }}>
          Your place at “{event.title}” goes to somebody else, and your ticket stops being valid.
        </Confirm>
      )}
    </>
  );
}

function TakePlace({ event, counts, signedIn, changed }: { event: Event; counts: Counts; signedIn: boolean; changed: () => void }) {
  // One key stays with one wish until it is settled, so that trying again after a lost answer can't register twice.
  const wish = useRef<string | null>(null);
  const register = useAction(async () => {
    wish.current ??= newId();
    try {
      await registrations.register(event.id, wish.current);
      wish.current = null;
      changed();
    } catch (thrown) {
      const problem = Problem.from(thrown);
      if (!problem.outcomeUnknown) wish.current = null;
      if (problem.slug === 'already-registered' || problem.slug === 'full') changed();
      if (problem.slug !== 'already-registered') throw problem;
    }
  });
  const reason = closedReason(event, Date.now());
  if (reason !== null) return event.status === 'cancelled' ? null : <p className="em-note mb-0">{reason}</p>;
  const full = counts.confirmed >= counts.capacity;
  if (full && !event.waitlistEnabled) {
    return <p className="em-note mb-0" data-tone="warn"><strong>This event is full.</strong> If somebody cancels, the place can be taken here.</p>;
  }
  const next = encodeURIComponent(`/events/${event.id}`);
  return (
    <>
      <ProblemNote problem={register.problem} />
      {full && <p className="em-note mb-0" data-tone="warn"><strong>This event is full.</strong> You can wait in line for a place.</p>}
      {signedIn
        ? <Busy pending={register.pending} className="btn btn-primary btn-lg" onClick={() => void register.run()}>{full ? 'Join the waiting list' : 'Register'}</Busy>
        : (
          <>
            <Link className="btn btn-primary btn-lg" to={`/sign-in?next=${next}`}>Sign in to register</Link>
            <p className="em-small em-soft text-center mb-0">New here? <Link to={`/sign-up?next=${next}`}>Create an account</Link></p>
          </>
        )}
    </>
  );
}
