import { useState } from 'react';
import { events, tickets } from '../../api/endpoints';
import { useResource } from '../../api/useResource';
import type { Event, Ticket, TicketOffer } from '../../api/types';
import { PageTitle } from '../../components/PageTitle';
import { Loaded, Pending } from '../../components/States';
import { TicketCard } from '../../components/TicketCard';
import { When } from '../../components/When';
import { useTopic } from '../../live/useLive';
import { useLocation } from '../../routing/history';
import { useKeptPage } from '../../offline/useKeptPage';
import { Link } from '../../routing/Link';
import { Successor } from './Successor';
import { TicketActions } from './TicketActions';
import { t } from '../../language/text';

/** One ticket, to be held under a scanner: the code as large as the phone allows. */
export function TicketPage({ id = '' }: { id?: string }) {
  useKeptPage();
  // Another ticket's address led here: see Successor.
  const isAnew = useLocation().query.has('anew');
  const [said, setSaid] = useState(isAnew ? t('Your ticket has a new code. The old one is not valid any more.') : '');
  const both = useResource<{ ticket: Ticket; event: Event }>(`ticket:${id}`, async (signal) => {
    const ticket = await tickets.get(id, signal);
    return { ticket, event: await events.get(ticket.eventId, signal) };
  });
  // Taken over by somebody, reissued or checked in elsewhere.
  useTopic('me', (update) => {
    if (update.type === 'registration' || update.type === 'ticket' || update.type === 'notification') both.reload();
  });
  const changed = (transfer: TicketOffer | null): void =>
    both.set((data) => ({ ...data, ticket: { ...data.ticket, transfer } }));
  return (
    <div className="em-narrow">
      <Loaded of={both} title={t('Ticket')} pending={<Pending label={t('Loading the ticket')} heights={[48, 420]} />}>
        {({ ticket, event }) => (
          <>
            <PageTitle title={event.title}>
              <div><When event={event} /></div>
              {event.venue && <div className="em-soft" dir="auto">{event.venue}</div>}
            </PageTitle>
            <div role="status">{said && <p className="em-note" data-tone="good">{said}</p>}</div>
            <TicketInItsState {...{ ticket, event, changed }} say={setSaid} reissued={both.reload} />
            <p className="text-center mt-4 mb-0"><Link to={`/events/${event.id}`}>{t('About the event')}</Link></p>
          </>
        )}
      </Loaded>
    </div>
  );
}

interface Props {
  ticket: Ticket;
  event: Event;
  say: (words: string) => void;
  changed: (offer: TicketOffer | null) => void;
  reissued: () => void;
}

function TicketInItsState({ ticket, event, ...actions }: Props) {
  if (event.status === 'cancelled') return <p className="em-note" data-tone="bad">{t('This ticket is no longer valid: the event was cancelled.')}</p>;
  if (ticket.status === 'revoked') return <Successor key={ticket.id} ticket={ticket} />;
  // Only the holder is told about offers, and only the holder gives the ticket away.
  const isTheirs = ticket.transfer !== undefined;
  return (
    <>
      {ticket.checkedInAt && <p className="em-note" data-tone="good">{t('You are checked in.')}</p>}
      <TicketCard ticket={ticket} event={event} />
      {isTheirs && !ticket.checkedInAt && event.status === 'published' && <TicketActions key={ticket.id} ticket={ticket} {...actions} />}
    </>
  );
}
