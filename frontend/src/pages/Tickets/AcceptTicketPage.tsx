import { tickets } from '../../api/endpoints';
import { Pending } from '../../components/States';
import { Link } from '../../routing/Link';
import { useSession } from '../../session/session';
import { MailedLink, Press } from '../Accounts/MailedLink';
import { SignInForm } from '../Accounts/SignInForm';
import { rich, t } from '../../language/text';

/** Where the mail about an offered ticket leads. */
export function AcceptTicketPage() {
  const { status, user } = useSession();
  const another = <p className="em-small mb-0">{t('Whoever offered it to you can offer it once more.')}</p>;
  return (
    <MailedLink title={t('A ticket for you')} another={another}>
      {(token) => (status === 'restoring' ? <Pending heights={[72]} /> : user ? (
        <Press button={t('Accept the ticket')} act={async () => { await tickets.accept(token); }} another={another}
          done={rich('{strong} Your own ticket is being made; it comes by mail, too.', { strong: <strong>{t('The place is yours.')}</strong> })}
          next={<Link className="btn btn-primary" to="/tickets">{t('See your tickets')}</Link>}>
          {rich('Somebody offers you their place. You are signed in as {name} ({email}): accept, and it is yours; their ticket then stops being valid.', { name: <strong>{user.displayName}</strong>, email: user.email })}
        </Press>
      ) : (
        <>
          <p className="mb-0">{t('Somebody offers you their place. Sign in, and it can be yours.')}</p>
          <SignInForm onDone={() => undefined} />
          <p className="em-small mb-0">{rich('New here? {link}, then follow the link in the mail once more.', { link: <Link to="/sign-up">{t('Create an account')}</Link> })}</p>
        </>
      ))}
    </MailedLink>
  );
}
