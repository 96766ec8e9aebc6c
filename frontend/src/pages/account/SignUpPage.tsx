import { useState } from 'react';
import { useAction } from '../../api/useAction';
import { Busy } from '../../components/Busy';
import { TextField } from '../../components/Field';
import { fieldErrors, Form } from '../../components/Form';
import type { FieldErrors } from '../../components/Form';
import { PageTitle } from '../../components/PageTitle';
import { Link } from '../../routing/Link';
import { navigate, safeNext, useLocation } from '../../routing/history';
import { signUp } from '../../session/session';

export function SignUpPage() {
  const next = safeNext(useLocation().query.get('next'));
  const [values, setValues] = useState({ displayName: '', email: '', password: '' });
  const [missing, setMissing] = useState<FieldErrors>({});
  const [mustVerify, setMustVerify] = useState(false);
  const attempt = useAction(async () => {
    const entered = await signUp(values.displayName.trim(), values.email.trim(), values.password);
    if (entered) navigate(next, { replace: true });
    else setMustVerify(true);
  });
  const submit = (): void => {
    const found: FieldErrors = {};
    if (!values.displayName.trim()) found.displayName = 'Enter the name that organizers will see.';
    if (!/^\S+@\S+$/.test(values.email.trim())) found.email = 'Enter your email address.';
    if (values.password.length < 8) found.password = 'Use at least 8 characters.';
    setMissing(found);
    if (Object.keys(found).length === 0) void attempt.run();
  };
  const refused: FieldErrors = attempt.problem?.slug === 'email-taken' ? { email: attempt.problem.message } : fieldErrors(attempt.problem);
  const errors = { ...refused, ...missing };
  const change = (name: keyof typeof values) => (event: { target: { value: string } }) =>
    setValues((before) => ({ ...before, [name]: event.target.value }));

  if (mustVerify) {
    return (
      <div className="em-narrow">
        <PageTitle title="Look into your mail" />
        <p>We sent a link to <strong>{values.email}</strong>. Follow it to finish your account.</p>
      </div>
    );
  }
  return (
    <div className="em-narrow">
      <PageTitle title="Create an account" />
      <div className="em-card em-stack">
        <Form name="Sign up" errors={errors} problem={attempt.problem} onSubmit={submit}>
          <TextField label="Name" name="displayName" autoComplete="name" maxLength={100} value={values.displayName}
            error={errors.displayName} onChange={change('displayName')} />
          <TextField label="Email" name="email" type="email" autoComplete="username" maxLength={254} value={values.email}
            error={errors.email} onChange={change('email')} />
          <TextField label="Password" name="password" type="password" autoComplete="new-password" maxLength={128}
            value={values.password} hint="At least 8 characters; a few words make a good one."
            error={errors.password} onChange={change('password')} />
          <Busy type="submit" pending={attempt.pending} className="btn btn-primary">Sign up</Busy>
        </Form>
        <p className="mb-0 em-small">
          Already have an account? <Link to={`/sign-in?next=${encodeURIComponent(next)}`}>Sign in</Link>
        </p>
      </div>
    </div>
  );
}
