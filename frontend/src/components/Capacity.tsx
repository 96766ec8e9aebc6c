import type { Event } from '../api/types';
import type { Counts } from '../live/updates';
import { useIsLive } from '../live/useLive';
import { t } from '../language/text';

export function placesText({ confirmed, capacity }: Pick<Counts, 'confirmed' | 'capacity'>): string {
  return t('{confirmed} of {capacity} places taken', { confirmed, capacity });
}

export function CapacityBar({ confirmed, capacity }: Pick<Counts, 'confirmed' | 'capacity'>) {
  const share = capacity > 0 ? Math.min(1, confirmed / capacity) : 0;
  return (
    <div className="em-bar" aria-hidden="true">
      <div className={`em-bar-fill ${share >= 1 ? 'is-full' : ''}`} style={{ transform: `scaleX(${share})` }} />
    </div>
  );
}

/** The event's places as they change. Screen readers hear a new count politely. */
export function LiveCapacity({ event, counts }: { event: Pick<Event, 'id' | 'waitlistEnabled'>; counts: Counts }) {
  const live = useIsLive(`event:${event.id}`);
  return (
    <div>
      <div className="em-row em-row-spread mb-2">
        <span className="em-strong em-number" data-testid="live-count" aria-live="polite" aria-atomic="true">{placesText(counts)}</span>
        <span className="em-small em-soft" role="status">
          <span className={`em-live-dot ${live ? '' : 'is-away'}`} aria-hidden="true" />
          {live ? t('Live') : t('Reconnecting…')}
        </span>
      </div>
      <CapacityBar {...counts} />
      {(event.waitlistEnabled || counts.waitlisted > 0) && (
        <div className="em-small em-soft mt-1 em-number">{t('{waitlisted} waiting in line', { waitlisted: counts.waitlisted })}</div>
      )}
    </div>
  );
}
