import { useCallback, useEffect, useRef, useState } from 'react';
import { remembered } from './cache';
import { Problem } from './problem';
import { useResource } from './useResource';
import type { Resource } from './useResource';
import type { Page } from './types';

export interface Pages<Item> {
  items: Item[] | undefined;
  problem: Problem | null;
  pending: boolean;
  reload: () => void;
  set: Resource<Page<Item>>['set'];
  /** Null when everything is shown. */
  loadMore: (() => void) | null;
  loadingMore: boolean;
  moreProblem: Problem | null;
}

/** A list that is read a page at a time; pages read so far stay together under one key. */
export function usePages<Item extends { id: string }>(
  key: string | null,
  load: (cursor: string | null, signal: AbortSignal) => Promise<Page<Item>>,
): Pages<Item> {
  const first = useResource<Page<Item>>(key, (signal) => readAtLeast(remembered<Page<Item>>(key ?? '')?.items.length ?? 0, load, signal));
  const [more, setMore] = useState<{ loading: boolean; problem: Problem | null }>({ loading: false, problem: null });
  const abort = useRef<AbortController | null>(null);
  const latest = useRef(load);
  latest.current = load;
  const { set } = first;
  const cursor = first.data?.nextCursor ?? null;

  useEffect(() => {
    setMore({ loading: false, problem: null });
    return () => abort.current?.abort();
  }, [key]);

  const loadMore = useCallback(async () => {
    abort.current?.abort();
    const { signal } = (abort.current = new AbortController());
    setMore({ loading: true, problem: null });
    try {
      const next = await latest.current(cursor, signal);
      if (signal.aborted) return;
      set((before) => {
        // Keyset pages don't overlap, but a row may have moved between two reads.
        const known = new Set(before.items.map((item) => item.id));
        return { items: [...before.items, ...next.items.filter((item) => !known.has(item.id))], nextCursor: next.nextCursor };
      });
      setMore({ loading: false, problem: null });
    } catch (thrown) {
      if (!signal.aborted) setMore({ loading: false, problem: Problem.from(thrown) });
    }
  }, [cursor, set]);

  return {
    items: first.data?.items, problem: first.problem, pending: first.pending, reload: first.reload, set,
    loadMore: cursor === null ? null : () => { void loadMore(); },
    loadingMore: more.loading, moreProblem: more.problem,
  };
}

const mostPagesReadAgain = 10;

/** Reads as many pages as were shown before, so that going back, or a reload, doesn't fold a long list up again. */
async function readAtLeast<Item>(
  count: number,
  load: (cursor: string | null, signal: AbortSignal) => Promise<Page<Item>>,
  signal: AbortSignal,
): Promise<Page<Item>> {
  const read = await load(null, signal);
  for (let pages = 1; read.items.length < count && read.nextCursor !== null && pages < mostPagesReadAgain; pages += 1) {
    const next = await load(read.nextCursor, signal);
    read.items.push(...next.items);
    read.nextCursor = next.nextCursor;
  }
  return read;
}
