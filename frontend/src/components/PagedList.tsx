import { useEffect, useRef } from 'react';
import type { ReactNode } from 'react';
import type { Pages } from '../api/usePages';
import { Busy } from './Busy';
import { Loaded, ProblemNote } from './States';
import { t } from '../language/text';

interface Props<Item> {
  of: Omit<Pages<Item>, 'set'>;
  empty: ReactNode;
  pending?: ReactNode;
  children: (items: Item[]) => ReactNode;
}

/** A list read page by page: its pending, empty and failed states, and "Load more". */
export function PagedList<Item>({ of, empty, pending, children }: Props<Item>) {
  return (
    <Loaded of={{ ...of, data: of.items }} pending={pending}>
      {(items) => (
        <div className="em-stack">
          {items.length === 0 ? empty : children(items)}
          <ProblemNote problem={of.moreProblem} />
          {of.loadMore && <More loading={of.loadingMore} failed={of.moreProblem !== null} load={of.loadMore} />}
        </div>
      )}
    </Loaded>
  );
}

/** Loads the next page when it comes near, and by its button for those who don't scroll or when that has failed. */
function More({ loading, failed, load }: { loading: boolean; failed: boolean; load: () => void }) {
  const end = useRef<HTMLDivElement>(null);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    if (loading || failed || end.current === null) return undefined;
    const watch = new IntersectionObserver((seen) => {
      if (seen.some((entry) => entry.isIntersecting)) latest.current();
    }, { rootMargin: '400px' });
    watch.observe(end.current);
    return () => watch.disconnect();
  }, [loading, failed]);
  return (
    <div ref={end} className="text-center">
      <Busy pending={loading} className="btn btn-outline-secondary" onClick={load}>{t('Load more')}</Busy>
    </div>
  );
}
