import { dateFormat } from '../language/formats';
import { browserZone, sameTimeAt, shownZone, usable } from './zone';

// What these are given comes from a server: none of it may throw. What is no time is shown as it was said.

function write(utc: string, zone: string, options: Intl.DateTimeFormatOptions): string {
  const moment = Date.parse(utc);
  if (Number.isNaN(moment)) return String(utc);
  return dateFormat({ timeZone: shownZone(zone), ...options }).format(moment);
}

export function formatDay(utc: string, zone: string): string {
  return write(utc, zone, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' });
}

/** The day as a leaf of a calendar has it. */
export function formatLeaf(utc: string, zone: string): { month: string; day: string } {
  if (Number.isNaN(Date.parse(utc))) return { month: '', day: '–' };
  return { month: write(utc, zone, { month: 'short' }), day: write(utc, zone, { day: 'numeric' }) };
}

/** A moment in the reader's own zone, or in UTC where the browser doesn't say which that is. */
export function formatMoment(utc: string): string {
  const own = browserZone();
  const text = write(utc, own ?? 'UTC', { dateStyle: 'medium', timeStyle: 'short' });
  return own === null ? `${text} UTC` : text;
}

/** The same of a moment that this device noted, in milliseconds. */
export function formatInstant(milliseconds: number): string {
  const moment = new Date(milliseconds);
  return Number.isNaN(moment.getTime()) ? '–' : formatMoment(moment.toISOString());
}

/** A moment on an event's clocks: "5 Dec 2026, 19:00 CET". */
export function formatMomentIn(utc: string, zone: string): string {
  return write(utc, zone, {
    day: 'numeric', month: 'short', year: 'numeric', hour: 'numeric', minute: '2-digit', timeZoneName: 'short',
  }).replaceAll('GMT-', 'GMT\u2212');
}

/** From when to when, in the event's zone: "Sat, 5 Dec 2026, 19:00 – 22:00 CET". */
export function formatSpan(startsAt: string, endsAt: string, zone: string): string {
  const options: Intl.DateTimeFormatOptions = {
    timeZone: shownZone(zone), weekday: 'short', day: 'numeric', month: 'short', year: 'numeric',
    hour: 'numeric', minute: '2-digit', timeZoneName: 'short',
  };
  const [start, end] = [Date.parse(startsAt), Date.parse(endsAt)];
  // Browsers refuse a span that ends before it starts, or without an end.
  const text = start <= end ? dateFormat(options).formatRange(start, end)
    : [...new Set([startsAt, endsAt])].map((utc) => write(utc, zone, options)).join(' – ');
  // "GMT-5" with a real minus, which no line ends at.
  return text.replaceAll('GMT-', 'GMT\u2212');
}

/** When it starts on the reader's own clock, if that shows something else than the event's. */
export function formatOwnTime(startsAt: string, zone: string): string | null {
  const own = browserZone();
  if (own === null || sameTimeAt(startsAt, zone, own)) return null;
  const sameDay = formatDay(startsAt, zone) === formatDay(startsAt, own);
  return write(startsAt, own, { weekday: sameDay ? undefined : 'short', hour: 'numeric', minute: '2-digit' });
}

/** The zone, if its times have to be shown in UTC because this browser doesn't know it. */
export function unknownZone(zone: string): string | null {
  return usable(zone) === null ? String(zone) : null;
}
