import { auth } from '../../api/endpoints';
import { Link } from '../../routing/Link';
import { restoreSession, useSession } from '../../session/session';
import { MailedLink, Press } from './MailedLink';
import { rich, t } from '../../language/text';

/** Where the link in the mail to a new address leads. */
export function ChangeEmailPage() {
  const { user } = useSession();
  const another = <Link className="btn btn-primary" to="/account">{t('Ask for another one')}</Link>;
  const confirm = async (token: string): Promise<void> => {
    await auth.confirmEmail(token);
    if (user) await restoreSession(0, true);
  };
  return (
    <MailedLink title={t('Confirm your new address')} another={another}>
      {(token) => (
        <Press button={t('Confirm my new address')} act={() => confirm(token)} another={another}
          done={rich('{strong} This is your account’s address from now on.', { strong: <strong>{t('Done.')}</strong> })}
          next={user ? <Link className="btn btn-primary" to="/account">{t('See your account')}</Link> : <Link className="btn btn-primary" to="/sign-in">{t('Sign in')}</Link>}>
          {t('One press, and mails come to your new address.')}
        </Press>
      )}
    </MailedLink>
  );
}
