import { useState } from 'react';
import { useAction } from '../../api/useAction';
import { Busy } from '../../components/Busy';
import { PasswordField, TextField } from '../../components/Field';
import { fieldErrors, Form } from '../../components/Form';
import type { FieldErrors } from '../../components/Form';
import { signIn } from '../../session/session';
import { ResendVerification } from './ResendVerification';

/** Used by the sign-in page and, over any page, when a session has expired. */
export function SignInForm({ email: known = '', onDone }: { email?: string; onDone: () => void }) {
  const [email, setEmail] = useState(known);
  const [password, setPassword] = useState('');
  const [missing, setMissing] = useState<FieldErrors>({});
  const attempt = useAction(async () => {
    await signIn(email.trim(), password);
    onDone();
  });
  const submit = (): void => {
    const empty: FieldErrors = {};
    if (!email.trim()) empty.email = 'Enter your email address.';
    if (!password) empty.password = 'Enter your password.';
    setMissing(empty);
    if (Object.keys(empty).length === 0) void attempt.run();
  };
  const errors = { ...fieldErrors(attempt.problem), ...missing };
  if (attempt.problem?.slug === 'email-not-verified') {
    return (
      <div className="em-stack">
        <p role="alert" className="em-note mb-0" data-tone="warn" data-problem={attempt.problem.slug}>{attempt.problem.message}</p>
        <ResendVerification email={email.trim()} />
        <button type="button" className="btn btn-outline-secondary" onClick={attempt.clear}>Back to signing in</button>
      </div>
    );
  }
  return (
    <Form name="Sign in" errors={errors} problem={attempt.problem} onSubmit={submit}>
      <TextField label="Email" name="email" type="email" autoComplete="username" value={email}
        error={errors.email} onChange={(event) => setEmail(event.target.value)} />
      <PasswordField label="Password" name="password" autoComplete="current-password" value={password}
        error={errors.password} onChange={(event) => setPassword(event.target.value)} />
      <Busy type="submit" pending={attempt.pending} className="btn btn-primary">Sign in</Busy>
    </Form>
  );
}
