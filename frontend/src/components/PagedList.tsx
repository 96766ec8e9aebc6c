import { useEffect, useRef } from 'react';
import type { RefObject } from 'react';
import type { Pages } from '../api/usePages';
import { Busy } from './Busy';
import type { Elements } from './Elements';
import { Loaded, ProblemNote } from './States';
import { t } from '../language/text';

interface Props<Item> {
  of: Omit<Pages<Item>, 'set'>;
  empty: Elements;
  pending?: Elements;
  children: (items: Item[]) => Elements;
}

/** A list read page by page: its pending, empty and failed states, and "Load more". */
export function PagedList<Item>({ of, empty, pending, children }: Props<Item>) {
  const list = useRef<HTMLDivElement>(null);
  const focusOnNew = useFocusOnNew(list, of.items?.length, of.moreProblem !== null);
  return (
    <Loaded of={{ ...of, data: of.items }} pending={pending}>
      {(items) => (
        <div ref={list} className="em-stack">
          {items.length === 0 ? empty : children(items)}
          <ProblemNote problem={of.moreProblem} />
          {of.loadMore && <More within={list} loading={of.loadingMore} failed={of.moreProblem !== null} load={of.loadMore} pressed={focusOnNew} />}
        </div>
      )}
    </Loaded>
  );
}

function stops(list: HTMLElement | null): HTMLElement[] {
  return [...(list?.querySelectorAll<HTMLElement>('a[href], button, input, select, summary') ?? [])];
}

/** To be called when the button is pressed: the focus goes on to the first of what it brings, since the button moves behind that or goes. */
function useFocusOnNew(list: RefObject<HTMLElement>, count: number | undefined, failed: boolean): () => void {
  const next = useRef<number | null>(null);
  useEffect(() => {
    if (next.current !== null) stops(list.current)[next.current]?.focus();
    next.current = null;
  }, [list, count]);
  useEffect(() => { if (failed) next.current = null; }, [failed]);
  return () => { next.current = stops(list.current).length - 1; }; // the button itself is the last
}

// A list that fled before whoever goes to its end would keep them from what stands behind it.
const mostByThemselves = 3;

interface MoreProps {
  within: RefObject<HTMLElement>;
  loading: boolean;
  failed: boolean;
  load: () => void;
  pressed: () => void;
}

/** Loads the next page when one scrolls near it, a few times; by its button for keyboards, later on, and when that has failed. */
function More({ within, loading, failed, load, pressed }: MoreProps) {
  const end = useRef<HTMLDivElement>(null);
  const latest = useRef(load);
  latest.current = load;
  const left = useRef(mostByThemselves);
  useEffect(() => {
    if (loading || failed || left.current === 0 || end.current === null || !('IntersectionObserver' in window)) return undefined;
    const watch = new IntersectionObserver((seen) => {
      const byKeyboard = within.current?.querySelector(':focus-visible') != null;
      if (byKeyboard || !seen.some((entry) => entry.isIntersecting)) return;
      left.current -= 1;
      latest.current();
    }, { rootMargin: '400px' });
    watch.observe(end.current);
    return () => watch.disconnect();
  }, [within, loading, failed]);
  const press = (): void => {
    left.current = mostByThemselves;
    pressed();
    load();
  };
  return (
    <div ref={end} className="text-center">
      <Busy pending={loading} className="btn btn-outline-secondary" onClick={press}>{t('Load more')}</Busy>
    </div>
  );
}
