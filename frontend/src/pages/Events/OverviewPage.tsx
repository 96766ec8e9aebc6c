import type { Event } from '../../api/types';
import { LiveCapacity } from '../../components/Capacity';
import { StepNote } from '../../components/StepNote';
import { useCounts } from '../../live/useLive';
import { Dashboard } from './Dashboard';
import { Lifecycle } from './Lifecycle';
import { ManagedEvent } from './ManagedEvent';

export function OverviewPage({ id = '' }: { id?: string }) {
  return <ManagedEvent id={id} section="Overview">{(event, set) => <Overview event={event} set={set} />}</ManagedEvent>;
}

function Overview({ event, set }: { event: Event; set: (event: Event) => void }) {
  const counts = useCounts(event);
  return (
    <div className="em-stack-l">
      <StepNote event={event} counts={counts} />
      {event.status !== 'draft' && <div className="em-card"><LiveCapacity event={event} counts={counts} /></div>}
      <Lifecycle event={event} counts={counts} set={set} />
      {event.status !== 'draft' && <Dashboard event={event} revision={counts.revision} />}
    </div>
  );
}
