import type { Event } from '../../api/types';

/** What keeps people from registering at this moment, or that nothing does. The server has the last word. */
export type RegistrationWindow = 'open' | 'draft' | 'notYet' | 'closed' | 'ended' | 'cancelled';

type Times = Pick<Event, 'status' | 'endsAt' | 'registrationOpensAt' | 'registrationClosesAt'>;

export function registrationWindow(event: Times, now: number): RegistrationWindow {
  const { status, endsAt, registrationOpensAt: opens, registrationClosesAt: closes } = event;
  if (status === 'cancelled' || status === 'draft') return status;
  if (status === 'ended' || Date.parse(endsAt) <= now) return 'ended';
  if (opens && now < Date.parse(opens)) return 'notYet';
  if (closes && Date.parse(closes) <= now) return 'closed';
  return 'open';
}
