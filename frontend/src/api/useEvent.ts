import { useEffect, useRef } from 'react';
import { eventTopic, useFallbackReads, useTopic } from '../live/useLive';
import { events } from './endpoints';
import { useResource } from './useResource';
import type { Resource } from './useResource';
import type { Event } from './types';

/** Reads may lag a write by a second. */
const lag = 700;
const mostReads = 6;

/** While something is done to an event step by step. */
const pace = 1_500;

/** An event, kept current: edits and cancellations are heard of, and read until the version that was told has come. What
 * goes on step by step is read until it is done. */
export function useEvent(id: string): Resource<Event> {
  const event = useResource<Event>(
    `event:${id}`,
    (signal) => events.get(id, signal),
    (held, read) => (read.version < held.version ? held : read),
  );
  const { data, pending, reload } = event;
  const told = useRef({ version: 0, reads: 0 });
  useTopic(eventTopic(data), (update) => {
    if (update.type === 'subscribed' && update.again) reload();
    if (update.type !== 'event' || (data && update.version <= data.version)) return;
    told.current = { version: update.version, reads: 0 };
    reload();
  });
  const behind = data !== undefined && !pending && data.version < told.current.version;
  useEffect(() => {
    if (!behind || told.current.reads >= mostReads) return undefined;
    told.current.reads += 1;
    const timer = setTimeout(reload, lag);
    return () => clearTimeout(timer);
  }, [behind, reload]);
  const isStepping = data != null && (data.capacityTarget !== null || data.cancellationProgress !== null);
  useFallbackReads(isStepping, pace, reload);
  return event;
}
