import type { Event, Ticket } from '../api/types';

/** A ticket as it was last seen, to be shown when the server can't be reached. */
export interface KeptTicket {
  ticket: Pick<Ticket, 'id' | 'code' | 'status' | 'checkedInAt'>;
  event: Pick<Event, 'id' | 'title' | 'venue' | 'startsAt' | 'endsAt' | 'timeZone' | 'status'>;
  /** The QR code as SVG. */
  image: string;
}

const key = 'em.tickets';
const most = 20;

interface Kept {
  /** Whose they are: somebody else who signs in sees none of them. */
  user: string;
  tickets: KeptTicket[];
}

/** What was kept, as far as it is what was kept: an earlier version of the page, or a person, may have written it. */
function read(): Kept | null {
  try {
    const kept = JSON.parse(localStorage.getItem(key) ?? 'null') as Partial<Kept> | null;
    if (typeof kept?.user !== 'string' || !Array.isArray(kept.tickets)) return null;
    return { user: kept.user, tickets: kept.tickets.filter(isTicket) };
  } catch {
    return null;
  }
}

function isTicket(kept: unknown): kept is KeptTicket {
  const { ticket, event, image } = (kept ?? {}) as Partial<KeptTicket>;
  return typeof ticket?.id === 'string' && typeof event?.title === 'string' && typeof image === 'string';
}

/**
 * Of this person; of whoever it was, while nobody is signed in: at the door a session that ran out is no reason to stay
 * outside.
 */
export function keptTickets(user: string | null): KeptTicket[] {
  const kept = read();
  return kept !== null && (user === null || kept.user === user) ? kept.tickets : [];
}

/** Keeps a ticket on this device, in the place of what was kept of it; of too many the oldest goes. */
export function keepTicket(user: string, seen: KeptTicket): void {
  const { id, code, status, checkedInAt } = seen.ticket;
  const { id: eventId, title, venue, startsAt, endsAt, timeZone, status: eventStatus } = seen.event;
  const ticket: KeptTicket = {
    ticket: { id, code, status, checkedInAt },
    event: { id: eventId, title, venue, startsAt, endsAt, timeZone, status: eventStatus }, image: seen.image,
  };
  const others = keptTickets(user).filter((item) => item.ticket.id !== id);
  const kept: Kept = { user, tickets: [ticket, ...others].slice(0, most) };
  try { localStorage.setItem(key, JSON.stringify(kept)); } catch { /* storage is full or forbidden: then only online */ }
}

export function forgetTickets(): void {
  try { localStorage.removeItem(key); } catch { /* nothing was kept */ }
}
