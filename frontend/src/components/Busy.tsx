import type { ReactNode } from 'react';

interface BusyProps {
  pending: boolean;
  className: string;
  children: ReactNode;
  onClick?: () => void;
  type?: 'button' | 'submit';
  disabled?: boolean;
  /** Moves the focus here when it appears (the safe button of a dialog). */
  autoFocus?: boolean;
}

/** A button whose action is under way keeps its focus and its size; it only stops answering. */
export function Busy({ pending, onClick, type = 'button', children, ...rest }: BusyProps) {
  return (
    <button type={type} aria-disabled={pending || undefined} aria-busy={pending || undefined}
      onClick={(event) => { if (pending) event.preventDefault(); else onClick?.(); }} {...rest}>
      {pending && <span className="spinner-border spinner-border-sm" aria-hidden="true" />}
      <span>{children}</span>
    </button>
  );
}
