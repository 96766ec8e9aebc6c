import type { Role } from '../api/types';
import { keptTickets } from '../offline/keptTickets';
import { Link } from '../routing/Link';
import { useLocation } from '../routing/history';
import { useSession } from '../session/session';
import type { Elements } from './Elements';
import { PageTitle } from './PageTitle';
import { Pending } from './States';
import { t } from '../language/text';

/**
 * Shows a page to those whom it is for, and says to others what it takes. `offline`: what stands for it while nobody
 * can be asked, and once the session is over, if this device has kept something.
 */
export function Guard({ roles, offline, children }: { roles?: readonly Role[]; offline?: Elements; children: Elements }) {
  const session = useSession();
  const { address } = useLocation();
  if (!roles) return <>{children}</>;
  if (session.status === 'restoring') return <Pending heights={[48, 96, 96]} />;
  const isAway = session.user === null && (session.status === 'unreachable' || keptTickets(null).length > 0);
  if (isAway && offline) return <>{offline}</>;
  if (session.user === null) {
    return (
      <div className="em-narrow">
        <PageTitle title={t('Please sign in')} />
        <p>{t('This page belongs to an account.')}</p>
        <Link className="btn btn-primary" to={`/sign-in?next=${encodeURIComponent(address)}`}>{t('Sign in')}</Link>
      </div>
    );
  }
  if (!roles.includes(session.user.role)) {
    return (
      <div className="em-narrow">
        <PageTitle title={t('Not for this account')} />
        <p>{t('You are signed in as {email}, which may not use this page. An admin can grant it.', { email: session.user.email })}</p>
      </div>
    );
  }
  return <>{children}</>;
}
