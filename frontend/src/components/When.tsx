import type { EventSummary } from '../api/types';
import { formatOwnTime, formatSpan, unknownZone } from '../time/format';
import { t } from '../language/text';

/** From when to when in the event's zone, with the reader's own time beside it when clocks differ. */
export function When({ event }: { event: Pick<EventSummary, 'startsAt' | 'endsAt' | 'timeZone'> }) {
  const own = formatOwnTime(event.startsAt, event.timeZone);
  const unknown = unknownZone(event.timeZone);
  return (
    <>
      <time dateTime={event.startsAt}>{formatSpan(event.startsAt, event.endsAt, event.timeZone)}</time>
      {own && <span className="em-soft em-small">{` ${t('({own} your time)', { own })}`}</span>}
      {unknown && (
        <span className="em-soft em-small">{` ${t('(in UTC: this browser doesn’t know the time zone {zone})', { zone: unknown })}`}</span>
      )}
    </>
  );
}
