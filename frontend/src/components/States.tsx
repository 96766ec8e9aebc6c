import type { ReactNode } from 'react';
import type { Problem } from '../api/problem';
import { Link } from '../routing/Link';
import type { Elements } from './Elements';
import { PageTitle } from './PageTitle';
import { t } from '../language/text';

/** Grey shapes where the content will be, of about its height, so that nothing jumps. */
export function Pending({ label = t('Loading'), heights = [96, 96, 96] }: { label?: string; heights?: number[] }) {
  return (
    <div role="status" className="em-stack">
      <span className="visually-hidden">{label}…</span>
      {heights.map((height, index) => <div key={index} className="em-skeleton" style={{ height }} aria-hidden="true" />)}
    </div>
  );
}

export function ProblemNote({ problem, retry }: { problem: Problem | null; retry?: () => void }) {
  if (problem === null) return null;
  return (
    <div role="alert" className="em-note em-stack" data-tone="bad" data-problem={problem.slug}>
      <div>
        <span>{problem.message}</span>
        {problem.status >= 500 && problem.traceId && <div className="em-small em-code">{problem.traceId}</div>}
      </div>
      {retry && <div><button type="button" className="btn btn-sm btn-outline-secondary" onClick={retry}>{t('Try again')}</button></div>}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="em-empty">
      <h2>{title}</h2>
      {Boolean(children) && <div>{children}</div>}
    </div>
  );
}

interface LoadedProps<Value> {
  of: { data: Value | undefined; problem: Problem | null; pending: boolean; reload: () => void };
  /** The page's heading while there is nothing else to name it by, when the value is all that the page shows. */
  title?: string;
  pending?: Elements;
  children: (data: Value) => Elements;
}

/** A read value, or what stands for it meanwhile; a failed re-read leaves the older value in place and says so. */
export function Loaded<Value>({ of, title, pending, children }: LoadedProps<Value>) {
  if (of.data === undefined) {
    if (of.problem === null || of.pending) return <>{pending ?? <Pending />}</>;
    if (title && of.problem.status === 404) {
      return (
        <div className="em-column mx-auto">
          <PageTitle title={t('Nothing here')}><p role="alert" className="mb-0">{of.problem.message}</p></PageTitle>
          <Link className="btn btn-outline-secondary" to="/">{t('See the events')}</Link>
        </div>
      );
    }
    return (
      <>
        {title && <PageTitle title={title} />}
        <ProblemNote problem={of.problem} retry={of.problem.status === 404 ? undefined : of.reload} />
      </>
    );
  }
  return (
    <>
      {of.problem && <ProblemNote problem={of.problem} retry={of.reload} />}
      {children(of.data)}
    </>
  );
}
