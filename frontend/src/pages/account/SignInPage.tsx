import { PageTitle } from '../../components/PageTitle';
import { Link } from '../../routing/Link';
import { navigate, safeNext, useLocation } from '../../routing/history';
import { SignInForm } from './SignInForm';

export function SignInPage() {
  const next = safeNext(useLocation().query.get('next'));
  return (
    <div className="em-narrow">
      <PageTitle title="Sign in" />
      <div className="em-card em-stack">
        <SignInForm onDone={() => navigate(next, { replace: true })} />
        <p className="mb-0 em-small">
          New here? <Link to={`/sign-up?next=${encodeURIComponent(next)}`}>Create an account</Link>
        </p>
      </div>
    </div>
  );
}
