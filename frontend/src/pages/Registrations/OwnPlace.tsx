import { useRef } from 'react';
import type { Resource } from '../../api/useResource';
import type { Event, OwnRegistration, RegistrationStatus } from '../../api/types';
import { ProblemNote } from '../../components/States';
import type { Counts } from '../../live/updates';
import { useNow } from '../../time/serverClock';
import { HeldPlace } from './HeldPlace';
import { registrationWindow } from './registrationWindow';
import type { RegistrationWindow } from './registrationWindow';
import { TakePlace } from './TakePlace';
import { number, rich, t } from '../../language/text';

interface Props {
  event: Event;
  counts: Counts;
  own: Resource<OwnRegistration | null>;
  reloadEvent: () => void;
}

/** What the reader has to do with this event: nothing yet, a place, a place in line, or why not. */
export function OwnPlace({ event, counts, own, reloadEvent }: Props) {
  const window = registrationWindow(event, useNow(event.registrationOpensAt, event.registrationClosesAt, event.endsAt));
  const registration = own.data ?? null;
  const movedUp = useMovedUp(registration);
  const active = registration !== null && registration.status !== 'cancelled';
  const changed = (now?: OwnRegistration): void => {
    if (now) own.set(() => now);
    else own.reload();
    reloadEvent();
  };
  return (
    <div className="em-stack">
      <ProblemNote problem={own.problem} retry={own.reload} />
      <div data-testid="registration-state" data-state={registration?.status ?? 'none'} role="status" className="em-quiet">
        <StateText {...{ event, window, registration, movedUp }} />
      </div>
      {active
        ? <HeldPlace {...{ event, registration, changed }} />
        : <TakePlace {...{ event, window, counts, changed }} />}
    </div>
  );
}

/** Whether the place came from the line while the reader was looking: that is news, not only a state. */
function useMovedUp(registration: OwnRegistration | null): boolean {
  const seen = useRef<{ id: string; waited: boolean; status: RegistrationStatus } | null>(null);
  if (registration !== null && (seen.current?.id !== registration.id || seen.current.status !== registration.status)) {
    const waited = seen.current?.id === registration.id && (seen.current.waited || seen.current.status === 'waitlisted');
    seen.current = { id: registration.id, waited, status: registration.status };
  }
  return seen.current !== null && seen.current.waited && registration?.status === 'confirmed';
}

interface StateProps {
  event: Event;
  window: RegistrationWindow;
  registration: OwnRegistration | null;
  movedUp: boolean;
}

function StateText({ event, window, registration, movedUp }: StateProps) {
  if (window === 'cancelled') return <p className="em-note mb-0" data-tone="bad">{t('This event was cancelled.')}</p>;
  switch (registration?.status) {
    case 'confirmed':
      return (
        <p className="em-note mb-0" data-tone="good">
          <strong>{movedUp ? t('You moved up: you have a place.') : t('Your place is confirmed.')}</strong>{' '}
          <span>
            {registration.checkedInAt ? t('You are checked in.') : registration.ticket ? t('Show this ticket at the door.') : t('Your ticket is being made…')}
          </span>
        </p>
      );
    case 'waitlisted':
      return (
        <div className="em-note" data-tone="warn">
          <div className="em-line-place">{rich('In line at {position}', { position: <b className="em-number">{registration.position ? number(registration.position) : '…'}</b> })}</div>
          <div>
            {lineStands(event, window)
              ? t('The line doesn’t move any more.')
              : t('When a place is free for you, it is yours at once, and we write to you.')}
          </div>
        </div>
      );
    case 'cancelled':
      return (
        <div className="em-note">
          <div>{t('Your registration was cancelled.')}</div>
          {registration.cancellationReason && <div dir="auto">{t('The organizer writes: “{reason}”', { reason: registration.cancellationReason })}</div>}
        </div>
      );
    default:
      return null;
  }
}

function lineStands(event: Event, window: RegistrationWindow): boolean {
  return window === 'ended' || (window === 'closed' && !event.promoteAfterClose);
}
