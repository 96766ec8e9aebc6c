import { useEffect, useMemo, useSyncExternalStore } from 'react';
import { Gate } from './gate';
import type { GateState } from './gate';

/** An event's gate, at work while the component is there. */
export function useGate(eventId: string): { gate: Gate; state: GateState } {
  const gate = useMemo(() => new Gate(eventId), [eventId]);
  useEffect(() => {
    gate.start();
    return () => gate.stop();
  }, [gate]);
  return { gate, state: useSyncExternalStore(gate.subscribe, () => gate.state) };
}
