import { useState } from 'react';
import { useAction } from '../../api/useAction';
import { Busy } from '../../components/Busy';
import { TextField } from '../../components/Field';
import { fieldErrors, Form } from '../../components/Form';
import type { FieldErrors } from '../../components/Form';
import { signIn } from '../../session/session';

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
  return (
    <Form name="Sign in" errors={errors} problem={attempt.problem} onSubmit={submit}>
      <TextField label="Email" name="email" type="email" autoComplete="username" value={email}
        error={errors.email} onChange={(event) => setEmail(event.target.value)} />
      <TextField label="Password" name="password" type="password" autoComplete="current-password" value={password}
        error={errors.password} onChange={(event) => setPassword(event.target.value)} />
      <Busy type="submit" pending={attempt.pending} className="btn btn-primary">Sign in</Busy>
    </Form>
  );
}
