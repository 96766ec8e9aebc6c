import type { ReactNode } from 'react';
import type { Pages } from '../api/usePages';
import { Busy } from './Busy';
import { Loaded, ProblemNote } from './States';

interface Props<Item> {
  of: Pages<Item>;
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
          {of.loadMore && (
            <div className="text-center">
              <Busy pending={of.loadingMore} className="btn btn-outline-secondary" onClick={of.loadMore}>Load more</Busy>
            </div>
          )}
        </div>
      )}
    </Loaded>
  );
}
