import { Children, cloneElement, isValidElement } from 'react';
import type { ReactElement, ReactNode } from 'react';
import { CrashBoundary } from './CrashBoundary';
import { t } from '../language/text';

interface TableProps {
  label: string;
  heads: string[];
  /** What follows the first cell is so short that a phone has room for it side by side. */
  short?: boolean;
  children: ReactNode;
}

/** A table that becomes cards on a phone. Roles are said outright, because changing `display` can drop them. */
export function Table({ label, heads, short = false, children }: TableProps) {
  return (
    <div className={short ? 'em-table is-short' : 'em-table'}>
      <table className="table" role="table" aria-label={label}>
        <thead role="rowgroup">
          <tr role="row">{heads.map((head) => <th key={head} scope="col" role="columnheader">{head}</th>)}</tr>
        </thead>
        <tbody role="rowgroup">
          {Children.map(children, (row) => (isValidElement(row) ? cloneElement(row as ReactElement<RowProps>, { heads }) : row))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  /** Null for what there isn't: a dash, and left out on a phone. Made by the row itself: a bad one is one bad row. */
  cells: () => ReactNode[];
  /** Given by the table. */
  heads?: string[];
}

export function Row({ cells, heads = [] }: RowProps) {
  const fallback = (
    <tr role="row"><td role="cell" colSpan={Math.max(1, heads.length)}>{t('This entry can’t be shown.')}</td></tr>
  );
  return <CrashBoundary fallback={fallback}><Cells {...{ cells, heads }} /></CrashBoundary>;
}

function Cells({ cells, heads }: Required<RowProps>) {
  return (
    <tr role="row">
      {cells().map((cell, index) => (
        <td key={index} role="cell" data-head={heads[index]} className={cell === null ? 'is-empty' : undefined}>{cell ?? '–'}</td>
      ))}
    </tr>
  );
}
