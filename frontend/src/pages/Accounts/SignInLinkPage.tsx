import { Link } from '../../routing/Link';
import { signInByLink } from '../../session/session';
import { MailedLink, Press } from './MailedLink';
import { t } from '../../language/text';

/** Where the link leads that the command line prints for an administrator. It signs in once, also while mail is down. */
export function SignInLinkPage() {
  const another = <Link className="btn btn-primary" to="/sign-in">{t('Sign in with your password')}</Link>;
  return (
    <MailedLink title={t('Sign in by link')} another={another}
      missing={t('This page opens with a sign-in link. If you reloaded it, open the link again.')}>
      {(token) => (
        <Press button={t('Sign in')} act={() => signInByLink(token)} another={another}
          done={t('You’re signed in.')} next={<Link className="btn btn-primary" to="/">{t('See the events')}</Link>}>
          {t('One click and you’re in. The link works once.')}
        </Press>
      )}
    </MailedLink>
  );
}
