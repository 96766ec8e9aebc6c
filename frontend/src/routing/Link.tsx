import type { AnchorHTMLAttributes, MouseEvent, ReactNode } from 'react';
import { isHere, navigate } from './history';
import { leaveTo } from './leaving';

type Props = AnchorHTMLAttributes<HTMLAnchorElement> & { to: string; replace?: boolean; children: ReactNode };

/** A real link (it opens in tabs, it can be copied) that stays in the app on a plain click. */
export function Link({ to, replace, onClick, children, ...rest }: Props) {
  const follow = (event: MouseEvent<HTMLAnchorElement>): void => {
    onClick?.(event);
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (event.defaultPrevented || !plain) return;
    event.preventDefault();
    if (isHere(to)) return;
    leaveTo(() => navigate(to, { replace }));
  };
  return <a href={to} onClick={follow} {...rest}>{children}</a>;
}
