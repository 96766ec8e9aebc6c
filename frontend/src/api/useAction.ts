import { useCallback, useEffect, useRef, useState } from 'react';
import { Problem } from './problem';

export interface Action<Arguments extends unknown[], Answer> {
  /** Performs it once: a call while one is under way does nothing. Undefined after a failure. */
  run: (...args: Arguments) => Promise<Answer | undefined>;
  pending: boolean;
  problem: Problem | null;
  clear: () => void;
}

/** A command with its pending and failed states. */
export function useAction<Arguments extends unknown[], Answer>(
  perform: (...args: Arguments) => Promise<Answer>,
): Action<Arguments, Answer> {
  const [state, setState] = useState<{ pending: boolean; problem: Problem | null }>({ pending: false, problem: null });
  const latest = useRef(perform);
  latest.current = perform;
  const busy = useRef(false);
  const gone = useRef(false);
  useEffect(() => {
    gone.current = false;
    return () => { gone.current = true; };
  }, []);

  const run = useCallback(async (...args: Arguments): Promise<Answer | undefined> => {
    if (busy.current) return undefined;
    busy.current = true;
    setState({ pending: true, problem: null });
    try {
      const answer = await latest.current(...args);
      if (!gone.current) setState({ pending: false, problem: null });
      return answer;
    } catch (thrown) {
      const problem = Problem.from(thrown);
      if (!gone.current) setState({ pending: false, problem });
      return undefined;
    } finally {
      busy.current = false;
    }
  }, []);
  const clear = useCallback(() => setState((before) => (before.problem ? { ...before, problem: null } : before)), []);
  return { run, pending: state.pending, problem: state.problem, clear };
}
