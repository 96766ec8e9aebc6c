import { useEffect } from 'react';
import { registrations } from '../../api/endpoints';
import { useResource } from '../../api/useResource';
import type { OwnRegistration, Ticket } from '../../api/types';
import { Pending } from '../../components/States';
import { useFallbackReads, useTopic } from '../../live/useLive';
import { navigate } from '../../routing/history';
import { t } from '../../language/text';

/** Where a ticket was that is no longer valid: leads to the one that took its place, also when that is still being made. */
export function Successor({ ticket }: { ticket: Ticket }) {
  const registration = useResource<OwnRegistration>(`registration:${ticket.registrationId}`,
    (signal) => registrations.get(ticket.registrationId, signal));
  const held = registration.data?.status === 'confirmed' ? registration.data : undefined;
  const next = held?.ticket && held.ticket.id !== ticket.id && held.ticket.status === 'valid' ? held.ticket.id : null;
  const isComing = held !== undefined && next === null;
  useTopic('me', (update) => {
    if (update.type === 'ticket' && update.registrationId === ticket.registrationId) registration.reload();
  });
  useFallbackReads(isComing, 2_000, registration.reload);
  useEffect(() => { if (next !== null) navigate(`/tickets/${next}?anew`, { replace: true }); }, [next]);
  if (registration.data === undefined && registration.problem === null) return <Pending label={t('Loading the ticket')} heights={[420]} />;
  if (isComing || next !== null) {
    return (
      <div className="em-ticket">
        <p role="status" className="mb-2">{t('Your new ticket is being made…')}</p>
        <div className="em-ticket-image em-skeleton" aria-hidden="true" />
      </div>
    );
  }
  return <p className="em-note" data-tone="bad">{t('This ticket is no longer valid.')}</p>;
}
