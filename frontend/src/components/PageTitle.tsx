import { useEffect, useRef } from 'react';
import { Link } from '../routing/Link';
import { takeHeadingFocus } from '../routing/history';
import { isolated } from '../language/text';
import type { Elements } from './Elements';

interface Props {
  title: string;
  /** What the title belongs to, in a line above it. */
  within?: { title: string; link: string };
  children?: Elements;
}

/** The page's one h1. It names the tab, and takes the focus after a navigation so that screen readers start here. */
export function PageTitle({ title, within, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (takeHeadingFocus()) heading.current?.focus({ preventScroll: true });
  }, []);
  const tab = within ? `${title}: ${isolated(within.title)}` : isolated(title);
  useEffect(() => { document.title = `${tab} · EM-Connect`; }, [tab]);
  return (
    <div className="em-page-head">
      {within && <Link className="em-within" dir="auto" to={within.link}>{within.title}</Link>}
      <h1 ref={heading} tabIndex={-1} dir="auto">{title}</h1>
      {children}
    </div>
  );
}
