import { useCallback, useRef } from 'react';
import { newId } from '../identity/newId';
import { Problem } from './problem';

/**
 * Gives each wish of a person one Idempotency-Key: asking again for the same, after an answer that got lost, carries
 * the same key and has its effect once. A wish is settled by success and by a clear refusal; another wish (`what`
 * differs) is a new one.
 */
export function useIntention(): <Answer>(what: unknown, perform: (key: string) => Promise<Answer>) => Promise<Answer> {
  const unsettled = useRef<{ what: string; key: string } | null>(null);
  return useCallback(async (what, perform) => {
    const text = JSON.stringify(what);
    if (unsettled.current?.what !== text) unsettled.current = { what: text, key: newId() };
    try {
      const answer = await perform(unsettled.current.key);
      unsettled.current = null;
      return answer;
    } catch (thrown) {
      if (!(thrown instanceof Problem && thrown.outcomeUnknown)) unsettled.current = null;
      throw thrown;
    }
  }, []);
}
