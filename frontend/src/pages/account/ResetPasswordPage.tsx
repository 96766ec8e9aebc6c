import { useState } from 'react';
import type { ReactNode } from 'react';
import { auth } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { Busy } from '../../components/Busy';
import { PasswordField } from '../../components/Field';
import { fieldErrors, Form, onlyErrors, useValidation } from '../../components/Form';
import { PageTitle } from '../../components/PageTitle';
import { Link } from '../../routing/Link';
import { navigate } from '../../routing/history';
import { forget } from '../../session/session';
import { passwordError } from './credentials';
import { useLinkToken } from './useLinkToken';
import { t } from '../../language/text';

export function ResetPasswordPage() {
  const token = useLinkToken();
  return (
    <div className="em-narrow">
      <PageTitle title={t('Choose a new password')} />
      {token === null
        ? <AskAgain>{t('This page opens with the link in our mail. If you reloaded it, follow the link once more.')}</AskAgain>
        : <NewPassword key={token} token={token} />}
    </div>
  );
}

function NewPassword({ token }: { token: string }) {
  const [password, setPassword] = useState('');
  const save = useAction(async () => {
    await auth.resetPassword(token, password);
    // Every session of the account has ended, one in this browser too.
    forget();
    navigate('/sign-in?notice=password-changed', { replace: true });
  });
  const validation = useValidation(onlyErrors({ password: passwordError(password) }));
  const submit = (): void => { if (validation.passes()) void save.run(); };
  if (save.problem?.slug === 'link-invalid') return <AskAgain>{t('{message} Your password is as it was.', { message: save.problem.message })}</AskAgain>;
  const errors = { ...fieldErrors(save.problem), ...validation.shown };
  return (
    <div className="em-card">
      <Form name={t('Choose a new password')} problem={save.problem} onSubmit={submit}>
        <PasswordField label={t('New password')} name="password" autoComplete="new-password" maxLength={128} value={password}
          hint={t('At least 8 characters; a few words make a good one. You will be signed out everywhere.')} error={errors.password}
          onChange={(event) => setPassword(event.target.value)} />
        <Busy type="submit" pending={save.pending} className="btn btn-primary">{t('Save password')}</Busy>
      </Form>
    </div>
  );
}

function AskAgain({ children }: { children: ReactNode }) {
  return (
    <div className="em-card em-stack">
      <p role="alert" className="em-note mb-0" data-tone="warn" data-problem="link-invalid">{children}</p>
      <Link className="btn btn-primary" to="/forgot-password">{t('Ask for a new link')}</Link>
    </div>
  );
}
