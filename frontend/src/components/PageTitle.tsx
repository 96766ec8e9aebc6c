import { useEffect, useRef } from 'react';
import type { ReactNode } from 'react';
import { takeHeadingFocus } from '../routing/history';

/** The page's one h1. It names the tab, and takes the focus after a navigation so that screen readers start here. */
export function PageTitle({ title, children }: { title: string; children?: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (takeHeadingFocus()) heading.current?.focus({ preventScroll: true });
  }, []);
  useEffect(() => { document.title = `${title} · EM-Connect`; }, [title]);
  return (
    <div className="em-page-head">
      <h1 ref={heading} tabIndex={-1}>{title}</h1>
      {children}
    </div>
  );
}
