import { useState } from 'react';
import { auth } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { Busy } from '../../components/Busy';
import { PasswordField } from '../../components/Field';
import { fieldErrors, Form, onlyErrors, useValidation } from '../../components/Form';
import { Link } from '../../routing/Link';
import { navigate } from '../../routing/history';
import { forget } from '../../session/session';
import { passwordError } from './credentials';
import { MailedLink, UsedUp } from './MailedLink';
import { t } from '../../language/text';

export function ResetPasswordPage() {
  return <MailedLink title={t('Choose a new password')} another={<AskAgain />}>{(token) => <NewPassword token={token} />}</MailedLink>;
}

function AskAgain() {
  return <Link className="btn btn-primary" to="/forgot-password">{t('Ask for a new link')}</Link>;
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
  if (save.problem?.slug === 'link-invalid') {
    return <UsedUp another={<AskAgain />}>{t('{message} Your password is as it was.', { message: save.problem.message })}</UsedUp>;
  }
  const errors = { ...fieldErrors(save.problem), ...validation.shown };
  return (
    <Form mayBeLeft name={t('Choose a new password')} problem={save.problem} onSubmit={submit}>
      <PasswordField label={t('New password')} name="password" autoComplete="new-password" maxLength={128} value={password}
        hint={t('At least 8 characters; a few words make a good one. You will be signed out everywhere.')} error={errors.password}
        onChange={(event) => setPassword(event.target.value)} />
      <Busy type="submit" pending={save.pending} className="btn btn-primary">{t('Save password')}</Busy>
    </Form>
  );
}
