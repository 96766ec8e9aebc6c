import { useState } from 'react';
import { useAction } from '../../api/useAction';
import { Busy } from '../../components/Busy';
import { PasswordField, TextField } from '../../components/Field';
import { fieldErrors, Form, onlyErrors, useValidation } from '../../components/Form';
import type { FieldErrors } from '../../components/Form';
import { PageTitle } from '../../components/PageTitle';
import { Link } from '../../routing/Link';
import { returnTo, useLocation } from '../../routing/history';
import { safeNext } from '../../routing/safeNext';
import { signUp } from '../../session/session';
import { emailError, passwordError, passwordHint } from './credentials';
import { ResendVerification } from './ResendVerification';
import { rich, t } from '../../language/text';

export function SignUpPage() {
  const next = safeNext(useLocation().query.get('next'));
  const [values, setValues] = useState({ displayName: '', email: '', password: '' });
  const [mustVerify, setMustVerify] = useState(false);
  const attempt = useAction(async () => {
    const entered = await signUp(values.displayName.trim(), values.email.trim(), values.password);
    if (entered) returnTo(next);
    else setMustVerify(true);
  });
  const validation = useValidation(onlyErrors({
    displayName: values.displayName.trim() ? undefined : t('Enter the name that organizers will see.'),
    email: emailError(values.email),
    password: passwordError(values.password),
  }));
  const submit = (): void => { if (validation.passes()) void attempt.run(); };
  const refused: FieldErrors = attempt.problem?.slug === 'email-taken' ? { email: attempt.problem.message } : fieldErrors(attempt.problem);
  const errors = { ...refused, ...validation.shown };
  const change = (name: keyof typeof values) => (event: { target: { value: string } }) =>
    setValues((before) => ({ ...before, [name]: event.target.value }));

  if (mustVerify) {
    return (
      <div className="em-narrow">
        <PageTitle title={t('Look into your mail')} />
        <div className="em-card em-stack">
          <p role="status" className="mb-0">{rich('We sent a mail to {email}. Follow the link in it, and your account is ready.', { email: <strong>{values.email.trim()}</strong> })}</p>
          <details>
            <summary>{t('No mail there?')}</summary>
            <div className="mt-3"><ResendVerification email={values.email.trim()} /></div>
          </details>
        </div>
      </div>
    );
  }
  return (
    <div className="em-narrow">
      <PageTitle title={t('Create an account')} />
      <div className="em-card em-stack">
        <Form mayBeLeft name={t('Sign up')} problem={attempt.problem} onSubmit={submit}>
          <TextField label={t('Name')} name="displayName" autoComplete="name" maxLength={100} value={values.displayName}
            error={errors.displayName} onChange={change('displayName')} />
          <TextField label={t('Email')} name="email" type="email" autoComplete="username" maxLength={254} value={values.email}
            error={errors.email} onChange={change('email')} />
          <PasswordField label={t('Password')} name="password" autoComplete="new-password" maxLength={128}
            value={values.password} hint={t(passwordHint)}
            error={errors.password} onChange={change('password')} />
          <Busy type="submit" pending={attempt.pending} className="btn btn-primary">{t('Sign up')}</Busy>
        </Form>
        <p className="mb-0 em-small">
          {rich('Already have an account? {link}', { link: <Link replace to={`/sign-in?next=${encodeURIComponent(next)}`}>{t('Sign in')}</Link> })}
        </p>
      </div>
    </div>
  );
}
