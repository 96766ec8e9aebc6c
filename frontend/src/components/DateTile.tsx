import { formatLeaf } from '../time/format';

/** The day as a small leaf of a calendar. The full date stands in words beside it, so readers of screens skip this. */
export function DateTile({ startsAt, zone }: { startsAt: string; zone: string }) {
  const { month, day } = formatLeaf(startsAt, zone);
  return (
    <div className="em-date" aria-hidden="true">
      <span>{month}</span>
      <b>{day}</b>
    </div>
  );
}
