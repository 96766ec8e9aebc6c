import { useEffect, useState } from 'react';
import { useAction } from '../api/useAction';
import type { User } from '../api/types';
import { Link } from '../routing/Link';
import { navigate, useLocation } from '../routing/history';
import { leaveTo } from '../routing/leaving';
import { signOut, useSession } from '../session/session';
import { Busy } from './Busy';
import { number, plural, t } from '../language/text';
import { useUnread } from '../live/useUnread';

export function Header() {
  const { path, address } = useLocation();
  const { user, status } = useSession();
  const [open, setOpen] = useState(false);
  const unread = useUnread();
  const places = placesFor(user);
  useEffect(() => setOpen(false), [address]);
  return (
    <header className="em-header">
      <div className={`em-header-inner ${places.length > manyPlaces ? 'is-wide' : ''}`}>
        <Link to="/" className="em-brand"><img src="/favicon.svg" alt="" width={28} height={28} />EM-Connect</Link>
        <button type="button" className="btn btn-sm btn-outline-secondary em-menu-button" aria-expanded={open}
          aria-controls="navigation" onClick={() => setOpen(!open)}><span>{t('Menu')}</span><Unread count={unread} /></button>
        <nav id="navigation" className={`em-nav ${open ? 'is-open' : ''}`} aria-label={t('Main')}>
          <ul>
            {places.map(([name, to]) => (
              <li key={to}>
                <Link to={to} aria-current={isWithin(path, to) ? 'page' : undefined}>
                  <span>{name}</span>{to === '/notifications' && <Unread count={unread} />}
                </Link>
              </li>
            ))}
          </ul>
          <ul className="em-nav-account">
            {user ? <SignedIn user={user} path={path} /> : status !== 'restoring' && <SignedOut path={path} address={address} />}
          </ul>
        </nav>
      </div>
    </header>
  );
}

/** More than these don't stand in one line over a page as wide as the others. */
const manyPlaces = 4;

/** A small number beside a word, said in full to readers of screens. */
function Unread({ count }: { count: number }) {
  if (count === 0) return null;
  return (
    <span className="em-unread" data-testid="unread">
      <span aria-hidden="true">{count > 99 ? '99+' : number(count)}</span>
      <span className="visually-hidden"> {plural('{count} unread|{count} unread', count)}</span>
    </span>
  );
}

function placesFor(user: User | null): [string, string][] {
  const places: [string, string][] = [[t('Events'), '/']];
  if (user) places.push([t('My tickets'), '/tickets'], [t('Notifications'), '/notifications']);
  if (user && user.role !== 'user') places.push([t('Organize'), '/organizer']);
  if (user?.role === 'admin') places.push([t('Users'), '/admin/users'], [t('Audit'), '/admin/audit'], [t('System'), '/admin/system']);
  return places;
}

function isWithin(path: string, to: string): boolean {
  return to === '/' ? path === '/' || path.startsWith('/events/') : path === to || path.startsWith(`${to}/`);
}

function SignedIn({ user, path }: { user: User; path: string }) {
  const leave = useAction(async () => {
    await signOut();
    navigate('/');
  });
  return (
    <>
      <li className="em-nav-name">
        <Link to="/account" title={user.email} aria-current={isWithin(path, '/account') ? 'page' : undefined}>
          <span dir="auto">{user.displayName}</span><span className="visually-hidden">{t('(your account)')}</span>
        </Link>
      </li>
      <li>
        <Busy pending={leave.pending} className="btn btn-sm btn-outline-secondary" onClick={() => leaveTo(() => void leave.run())}>{t('Sign out')}</Busy>
        {leave.problem && <span role="alert" className="em-small">{leave.problem.message}</span>}
      </li>
    </>
  );
}

/** Pages that nobody wants to be brought back to after signing in. */
const leadsNowhere = /^\/(sign-|forgot-password|reset-password|verify-email|change-email|accept-ticket)/;

function SignedOut({ path, address }: { path: string; address: string }) {
  const next = leadsNowhere.test(path) ? '' : `?next=${encodeURIComponent(address)}`;
  return (
    <>
      <li><Link to={`/sign-in${next}`}>{t('Sign in')}</Link></li>
      <li><Link className="btn btn-sm btn-primary" to={`/sign-up${next}`}>{t('Sign up')}</Link></li>
    </>
  );
}
