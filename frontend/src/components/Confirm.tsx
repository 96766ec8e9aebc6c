import { useEffect, useId, useRef } from 'react';
import type { ReactNode } from 'react';
import type { Problem } from '../api/problem';
import { Busy } from './Busy';
import { ProblemNote } from './States';

/** A modal of the browser's own kind: it keeps the focus, Escape closes it, the focus goes back afterwards. */
export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const before = document.activeElement;
    const shown = dialog.current;
    if (shown && !shown.open) shown.showModal();
    return () => {
      shown?.close();
      // What was pressed may be gone with what it did: then reading goes on at the page's beginning.
      if (before instanceof HTMLElement && before.isConnected) before.focus();
      else document.getElementById('content')?.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog ref={dialog} className="em-dialog" aria-labelledby={titleId}
      onCancel={(event) => { event.preventDefault(); onClose(); }}>
      <h2 id={titleId}>{title}</h2>
      {children}
    </dialog>
  );
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
