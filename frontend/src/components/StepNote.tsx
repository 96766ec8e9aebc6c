import type { Event } from '../api/types';
import type { Counts } from '../live/updates';
import { t } from '../language/text';

/** How far the event has come with what is done step by step; nothing when there is no such thing. */
export function StepNote({ event, counts }: { event: Event; counts: Counts }) {
  const { cancellationProgress: cancelling, capacityTarget: target } = event;
  return (
    <div role="status" className="em-quiet" data-testid="steps">
      {cancelling && <p className="em-note mb-0">{t('Canceling: {done} of {total}', { done: cancelling.done, total: cancelling.total })}</p>}
      {target !== null && (
        <p className="em-note mb-0">{t('Raising the capacity while the waitlist moves up: {capacity} of {target}', { capacity: counts.capacity, target })}</p>
      )}
    </div>
  );
}
