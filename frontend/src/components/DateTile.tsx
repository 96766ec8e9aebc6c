import { dateFormat } from '../language/formats';

/** The day as a small leaf of a calendar. The full date stands in words beside it, so readers of screens skip this. */
export function DateTile({ startsAt, zone }: { startsAt: string; zone: string }) {
  const write = (options: Intl.DateTimeFormatOptions): string =>
    dateFormat({ timeZone: zone, ...options }).format(new Date(startsAt));
  return (
    <div className="em-date" aria-hidden="true">
      <span>{write({ month: 'short' })}</span>
      <b>{write({ day: 'numeric' })}</b>
    </div>
  );
}
