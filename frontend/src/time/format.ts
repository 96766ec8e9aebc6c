import { dateFormat } from '../language/formats';
import { browserZone, sameTimeAt } from './zone';

function write(utc: string, zone: string, options: Intl.DateTimeFormatOptions): string {
  return dateFormat({ timeZone: zone, ...options }).format(new Date(utc));
}

export function formatDay(utc: string, zone: string): string {
  return write(utc, zone, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' });
}

/** A moment in the reader's own zone. */
export function formatMoment(utc: string): string {
  return write(utc, browserZone(), { dateStyle: 'medium', timeStyle: 'short' });
}

/** From when to when, in the event's zone: "Sat, 5 Dec 2026, 19:00 – 22:00 CET". */
export function formatSpan(startsAt: string, endsAt: string, zone: string): string {
  const format = dateFormat({
    timeZone: zone, weekday: 'short', day: 'numeric', month: 'short', year: 'numeric',
    hour: 'numeric', minute: '2-digit', timeZoneName: 'short',
  });
  // "GMT-5" with a real minus, which no line ends at.
  return format.formatRange(new Date(startsAt), new Date(endsAt)).replaceAll('GMT-', 'GMT\u2212');
}

/** When it starts on the reader's own clock, if that shows something else than the event's. */
export function formatOwnTime(startsAt: string, zone: string): string | null {
  const own = browserZone();
  if (sameTimeAt(startsAt, zone, own)) return null;
  const sameDay = formatDay(startsAt, zone) === formatDay(startsAt, own);
  return write(startsAt, own, { weekday: sameDay ? undefined : 'short', hour: 'numeric', minute: '2-digit' });
}
