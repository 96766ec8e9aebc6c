import { SignInForm } from '../pages/Accounts/SignInForm';
import { forget, useSession } from '../session/session';
import { Dialog } from './Confirm';
import { t } from '../language/text';

/** A session that ended by itself: signing in again happens over the page, so that nothing typed is lost. */
export function ExpiredSession() {
  const session = useSession();
  if (session.status !== 'expired') return null;
  return (
    <Dialog title={t('Please sign in again')} onClose={forget}>
      <p>{t('Your session has ended. What you were doing is still here.')}</p>
      <SignInForm email={session.user.email} onDone={() => undefined} />
      <div className="mt-3"><button type="button" className="btn btn-sm btn-outline-secondary" onClick={forget}>{t('Continue signed out')}</button></div>
    </Dialog>
  );
}
