import { useState } from 'react';
import { registrations } from '../../api/endpoints';
import { Problem } from '../../api/problem';
import { useAction } from '../../api/useAction';
import type { Event, OwnRegistration } from '../../api/types';
import { Confirm } from '../../components/Confirm';
import { Timeline } from '../../components/Timeline';
import { TicketCard } from '../../components/TicketCard';
import { t } from '../../language/text';

interface Props {
  event: Event;
  registration: OwnRegistration;
  changed: (now?: OwnRegistration) => void;
}

/** A place or a place in line: its ticket, and the way out. */
export function HeldPlace({ event, registration, changed }: Props) {
  const [asking, setAsking] = useState(false);
  const [opened, setOpened] = useState(false);
  const cancel = useAction(async () => {
    let cancelled: OwnRegistration | undefined;
    try {
      cancelled = { ...registration, ...(await registrations.cancel(registration.id)) };
    } catch (thrown) {
      // Let in meanwhile: the page has to know, and its reader, too.
      if (thrown instanceof Problem && thrown.slug === 'already-checked-in') changed();
      if (!(thrown instanceof Problem) || thrown.slug !== 'already-cancelled') throw thrown;
    }
    setAsking(false);
    changed(cancelled);
  });
  if (event.status === 'ended' || event.status === 'cancelled') return null;
  const waits = registration.status === 'waitlisted';
  const words = waits
    ? { leave: t('Leave the line'), title: t('Leave the line?'), yes: t('Yes, leave the line'), no: t('Stay in line'),
        text: t('Your place in line for “{title}” is gone then. Coming back means starting at its end.', { title: event.title }) }
    : { leave: t('Cancel registration'), title: t('Cancel your registration?'), yes: t('Yes, cancel registration'), no: t('Keep my place'),
        text: t('Your place at “{title}” goes to somebody else, and your ticket stops being valid.', { title: event.title }) };
  return (
    <>
      {!waits && (registration.ticket
        ? <TicketCard ticket={registration.ticket} event={event} />
        : <div className="em-ticket"><div className="em-ticket-image em-skeleton" aria-hidden="true" /></div>)}
      <details onToggle={(toggled) => setOpened(toggled.currentTarget.open)}>
        <summary>{t('What happened so far')}</summary>
        <div className="mt-3">{opened && <Timeline registrationId={registration.id} live />}</div>
      </details>
      {registration.checkedInAt === null && (
        <button type="button" className="btn btn-outline-danger" onClick={() => setAsking(true)}>{words.leave}</button>
      )}
      {asking && (
        <Confirm title={words.title} confirm={words.yes} dismiss={words.no} pending={cancel.pending} problem={cancel.problem}
          onConfirm={() => void cancel.run()} onDismiss={() => { cancel.clear(); setAsking(false); }}>
          {words.text}
        </Confirm>
      )}
    </>
  );
}
