import { useState } from 'react';
import { useAction } from '../../api/useAction';
import { Busy } from '../../components/Busy';
import { PasswordField, TextField } from '../../components/Field';
import { fieldErrors, Form, onlyErrors, useValidation } from '../../components/Form';
import { signIn } from '../../session/session';
import { ResendVerification } from './ResendVerification';
import { t } from '../../language/text';

/** Used by the sign-in page and, over any page, when a session has expired. */
export function SignInForm({ email: known = '', onDone }: { email?: string; onDone: () => void }) {
  const [email, setEmail] = useState(known);
  const [password, setPassword] = useState('');
  const attempt = useAction(async () => {
    await signIn(email.trim(), password);
    onDone();
  });
  const validation = useValidation(onlyErrors({
    email: email.trim() ? undefined : t('Enter your email address.'),
    password: password ? undefined : t('Enter your password.'),
  }));
  const submit = (): void => { if (validation.passes()) void attempt.run(); };
  const errors = { ...fieldErrors(attempt.problem), ...validation.shown };
  if (attempt.problem?.slug === 'email-not-verified') {
    return (
      <div className="em-stack">
        <p role="alert" className="em-note mb-0" data-tone="warn" data-problem={attempt.problem.slug}>{attempt.problem.message}</p>
        <ResendVerification email={email.trim()} />
        <button type="button" className="btn btn-outline-secondary" onClick={attempt.clear}>{t('Back to signing in')}</button>
      </div>
    );
  }
  return (
    <Form mayBeLeft name={t('Sign in')} problem={attempt.problem} onSubmit={submit}>
      <TextField label={t('Email')} name="email" type="email" autoComplete="username" value={email}
        error={errors.email} onChange={(event) => setEmail(event.target.value)} />
      <PasswordField label={t('Password')} name="password" autoComplete="current-password" value={password}
        error={errors.password} onChange={(event) => setPassword(event.target.value)} />
      <Busy type="submit" pending={attempt.pending} className="btn btn-primary">{t('Sign in')}</Busy>
    </Form>
  );
}
