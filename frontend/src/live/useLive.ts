import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { Event } from '../api/types';
import { liveSocket } from './socket';
import { countsOf, newerCounts } from './updates';
import type { Counts, LiveUpdate } from './updates';

/** Hears a topic while the component is there. A null topic hears nothing. */
export function useTopic(topic: string | null, listener: (update: LiveUpdate) => void): void {
  const latest = useRef(listener);
  latest.current = listener;
  useEffect(() => {
    if (topic === null) return undefined;
    return liveSocket.listen(topic, (update) => latest.current(update));
  }, [topic]);
}

/** Whether updates of the topic arrive; false only after a short grace, so that a blink isn't shown. */
export function useIsLive(topic: string): boolean {
  const live = useSyncExternalStore((changed) => liveSocket.onStateChange(changed), () => liveSocket.isLive(topic));
  const [shown, setShown] = useState(true);
  useEffect(() => {
    const timer = setTimeout(() => setShown(live), live ? 0 : 2_500);
    return () => clearTimeout(timer);
  }, [live]);
  return shown;
}

/** The topic of an event; a draft has none. */
export function eventTopic(event: Pick<Event, 'id' | 'status'> | undefined): string | null {
  return event === undefined || event.status === 'draft' ? null : `event:${event.id}`;
}

/** The newest counts known, from whichever side they came first: what was read, or the socket. */
export function useCounts(event: Event): Counts {
  const eventId = event.id;
  const read: Counts = event;
  const [heard, setHeard] = useState<{ eventId: string; counts: Counts }>({ eventId, counts: read });
  useTopic(eventTopic(event), (update) => {
    const counts = countsOf(update);
    if (counts === null) return;
    setHeard((before) => {
      const newest = before.eventId === eventId ? newerCounts(before.counts, counts) : counts;
      return newest === before.counts ? before : { eventId, counts: newest };
    });
  });
  return heard.eventId === eventId ? newerCounts(heard.counts, read) : read;
}

/** Calls `read` when the places change: soon after the first change, and not more often than every two seconds. */
export function useRereadOnChange(revision: number, read: () => void): void {
  const known = useRef(revision);
  const timer = useRef<ReturnType<typeof setTimeout>>();
  const latest = useRef(read);
  latest.current = read;
  useEffect(() => {
    if (known.current === revision) return;
    known.current = revision;
    // Under a crowd the places change all the time: a timer that is running is not put off.
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      latest.current();
    }, 2_000);
  }, [revision]);
  useEffect(() => () => clearTimeout(timer.current), []);
}

/** Calls `read` at growing intervals while `active`: the way round when the socket is away. */
export function useFallbackReads(active: boolean, firstAfter: number, read: () => void): void {
  const latest = useRef(read);
  latest.current = read;
  useEffect(() => {
    if (!active) return undefined;
    let wait = firstAfter;
    let timer: ReturnType<typeof setTimeout>;
    const next = (): void => {
      timer = setTimeout(() => {
        if (!document.hidden) latest.current();
        wait = Math.min(wait * 1.5, 30_000);
        next();
      }, wait * (0.8 + 0.4 * Math.random()));
    };
    next();
    return () => clearTimeout(timer);
  }, [active, firstAfter]);
}
