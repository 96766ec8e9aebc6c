import type { Event } from '../../api/types';
import { formatMoment } from '../../time/format';

/** Why nobody can register at this moment, in words; null when one can. The server has the last word. */
export function closedReason(event: Event, now: number): string | null {
  if (event.status === 'cancelled') return 'This event was cancelled.';
  if (event.status === 'ended' || Date.parse(event.endsAt) <= now) return 'This event has ended.';
  if (event.status === 'draft') return 'This event isn’t published yet.';
  if (event.registrationOpensAt && Date.parse(event.registrationOpensAt) > now) {
    return `Registration opens on ${formatMoment(event.registrationOpensAt)}.`;
  }
  if (event.registrationClosesAt && Date.parse(event.registrationClosesAt) <= now) return 'Registration is closed.';
  return null;
}
