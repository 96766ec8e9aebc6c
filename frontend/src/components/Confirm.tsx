import { useEffect, useId, useRef } from 'react';
import type { ReactNode } from 'react';
import type { Problem } from '../api/problem';
import { Busy } from './Busy';
import type { Elements } from './Elements';
import { ProblemNote } from './States';

/** A modal of the browser's own kind: it keeps the focus, Escape closes it, the focus goes back afterwards. */
export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: Elements }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const before = document.activeElement;
    const shown = dialog.current;
    if (shown && !shown.open) open(shown);
    return () => {
      if (shown?.open) close(shown);
      // What was pressed may be gone with what it did: then reading goes on at the page's beginning.
      if (before instanceof HTMLElement && before.isConnected) before.focus();
      else document.getElementById('content')?.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog ref={dialog} className="em-dialog" aria-labelledby={titleId}
      onCancel={(event) => { event.preventDefault(); onClose(); }}>
      <h2 id={titleId} dir="auto">{title}</h2>
      {children}
    </dialog>
  );
}

/** Where a browser knows no modals (Safari before 15.4), or the page is being left: in sight at least. */
function open(dialog: HTMLDialogElement): void {
  try { dialog.showModal(); } catch { dialog.setAttribute('open', ''); }
}

function close(dialog: HTMLDialogElement): void {
  try { dialog.close(); } catch { dialog.removeAttribute('open'); }
}

interface Props {
  title: string;
  children: ReactNode;
  confirm: string;
  dismiss: string;
  pending: boolean;
  problem: Problem | null;
  onConfirm: () => void;
  onDismiss: () => void;
}

/** Asks before something that can't be undone. The harmless answer comes first and has the focus. */
export function Confirm({ title, children, confirm, dismiss, pending, problem, onConfirm, onDismiss }: Props) {
  return (
    <Dialog title={title} onClose={() => { if (!pending) onDismiss(); }}>
      <div className="em-stack">
        <div>{children}</div>
        <ProblemNote problem={problem} />
      </div>
      <div className="em-dialog-actions">
        <button type="button" className="btn btn-outline-secondary" onClick={onDismiss} disabled={pending}>{dismiss}</button>
        <Busy pending={pending} className="btn btn-danger" onClick={onConfirm}>{confirm}</Busy>
      </div>
    </Dialog>
  );
}
