import { events, tickets } from '../../api/endpoints';
import { useResource } from '../../api/useResource';
import type { Event, Ticket } from '../../api/types';
import { PageTitle } from '../../components/PageTitle';
import { Loaded, Pending } from '../../components/States';
import { TicketCard } from '../../components/TicketCard';
import { When } from '../../components/When';
import { Link } from '../../routing/Link';

/** One ticket, to be held under a scanner: the code as large as the phone allows. */
export function TicketPage({ id = '' }: { id?: string }) {
  const both = useResource<{ ticket: Ticket; event: Event }>(`ticket:${id}`, async (signal) => {
    const ticket = await tickets.get(id, signal);
    return { ticket, event: await events.get(ticket.eventId, signal) };
  });
  return (
    <div className="em-narrow">
      <Loaded of={both} title="Ticket" pending={<Pending label="Loading the ticket" heights={[48, 420]} />}>
        {({ ticket, event }) => (
          <>
            <PageTitle title={event.title}>
              <div><When event={event} /></div>
              {event.venue && <div className="em-soft">{event.venue}</div>}
            </PageTitle>
            {ticket.status === 'revoked' || event.status === 'cancelled'
              ? <p className="em-note" data-tone="bad">This ticket is no longer valid.</p>
              : <TicketCard ticket={ticket} title={event.title} />}
            <p className="text-center mt-4 mb-0"><Link to={`/events/${event.id}`}>About the event</Link></p>
          </>
        )}
      </Loaded>
    </div>
  );
}
