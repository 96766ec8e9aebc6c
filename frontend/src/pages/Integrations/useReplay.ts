import { useEffect, useRef, useState } from 'react';
import { subscriptions } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import type { Action } from '../../api/useAction';
import { useIntention } from '../../api/useIntention';

/** A stretch of an event's messages by their numbers, both of them in it. `to` is null for the newest. */
export interface Stretch {
  eventId: string;
  from: number;
  to: number | null;
}

export interface Replay extends Action<[Stretch], void> {
  /** How many have gone out once more; null before the first. */
  sent: number | null;
  isDone: boolean;
}

/** How many of the log one request goes through: more would hold the API up. */
const most = 500;

/**
 * Has a stretch sent once more, piece by piece. An answer that got lost is asked for again with the same key when the same
 * stretch is, so that no piece goes out twice; leaving the page ends it after the piece that is under way.
 */
export function useReplay(subscriptionId: string): Replay {
  const [state, setState] = useState<{ sent: number | null; isDone: boolean }>({ sent: null, isDone: false });
  const intend = useIntention();
  /** Where a stretch that was broken off goes on. */
  const reached = useRef<{ of: string; after: number; sent: number } | null>(null);
  const gone = useRef(false);
  useEffect(() => {
    gone.current = false;
    return () => { gone.current = true; };
  }, []);
  const action = useAction(async ({ eventId, from, to }: Stretch) => {
    const name = JSON.stringify([eventId, from, to]);
    let { after, sent } = reached.current?.of === name ? reached.current : { after: from - 1, sent: 0 };
    setState({ sent, isDone: false });
    while (!gone.current && (to === null || after < to)) {
      const wish = { eventId, after: String(after), limit: to === null ? most : Math.min(most, to - after) };
      const { replayed, nextCursor } = await intend(wish, (key) => subscriptions.replay(subscriptionId, wish, key));
      sent += replayed;
      setState({ sent, isDone: false });
      if (nextCursor === null) break;
      after = Number(nextCursor);
      reached.current = { of: name, after, sent };
    }
    reached.current = null;
    setState({ sent, isDone: true });
  });
  return { ...action, ...state };
}
