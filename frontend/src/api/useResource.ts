import { startTransition, useCallback, useEffect, useRef, useState } from 'react';
import { remember, remembered } from './cache';
import { Problem } from './problem';
import { tokens } from './tokens';

export interface Resource<Value> {
  /** The newest value read; may be one from before while a fresh one is on its way. */
  data: Value | undefined;
  /** Why the last read failed; an older `data` may still stand. */
  problem: Problem | null;
  pending: boolean;
  reload: () => void;
  /** Puts a value that the page learnt otherwise (an answer to a command, a live update). */
  set: (change: (data: Value) => Value) => void;
}

/**
 * Reads a value when the page appears, whenever `key` changes, and on `reload`. A null key reads nothing.
 * `newest` says which of two stands, where a read may answer with less than is known already.
 */
export function useResource<Value>(
  key: string | null,
  load: (signal: AbortSignal) => Promise<Value>,
  newest: (held: Value, read: Value) => Value = (_held, read) => read,
): Resource<Value> {
  const [held, setHeld] = useState<{ key: string | null; data?: Value; problem: Problem | null; pending: boolean }>(
    () => begin(key),
  );
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  const choose = useRef(newest);
  choose.current = newest;
  const shown = held.key === key ? held : begin<Value>(key);

  useEffect(() => {
    if (key === null) return;
    const abort = new AbortController();
    setHeld((before) => (before.key === key ? { ...before, pending: true } : begin(key)));
    latest.current(abort.signal).then(
      (read) => {
        if (abort.signal.aborted) return;
        const held = remembered<Value>(key);
        const data = held === undefined ? read : choose.current(held, read);
        remember(key, data);
        // A page is drawn piece by piece: the reader's finger comes first.
        startTransition(() => setHeld({ key, data, problem: null, pending: false }));
      },
      (thrown) => {
        if (abort.signal.aborted) return;
        setHeld((before) => ({ ...before, problem: Problem.from(thrown), pending: false }));
      },
    );
    return () => abort.abort();
  }, [key, turn]);

  const reload = useCallback(() => setTurn((value) => value + 1), []);
  // What failed for want of a session is read again when there is one.
  const refused = shown.problem?.status === 401;
  useEffect(() => (refused ? tokens.onChange(() => { if (tokens.held) reload(); }) : undefined), [refused, reload]);
  const set = useCallback((change: (data: Value) => Value) => {
    setHeld((before) => {
      if (before.data === undefined) return before;
      const data = change(before.data);
      if (before.key !== null) remember(before.key, data);
      return { ...before, data };
    });
  }, []);
  return { data: shown.data, problem: shown.problem, pending: shown.pending, reload, set };
}

function begin<Value>(key: string | null): { key: string | null; data?: Value; problem: null; pending: boolean } {
  return { key, data: key === null ? undefined : remembered<Value>(key), problem: null, pending: key !== null };
}
