import { useEffect, useState } from 'react';
import { auth } from '../api/endpoints';
import { useAction } from '../api/useAction';
import { requiredError } from '../pages/Accounts/credentials';
import { settle, useIsAsked } from '../session/reauthentication';
import { useSession } from '../session/session';
import { Busy } from './Busy';
import { Dialog } from './Confirm';
import { PasswordField } from './Field';
import { fieldErrors, Form, onlyErrors, useValidation } from './Form';
import { t } from '../language/text';

/** Asks for the password again, over any page, when a request needs a recent sign-in; then that request goes on. */
export function Reauthentication() {
  const isAsked = useIsAsked();
  const { status } = useSession();
  const isSignedIn = status === 'signedIn';
  // Without a session there is nothing to prove: signing in comes first (ExpiredSession).
  useEffect(() => { if (isAsked && !isSignedIn) settle(false); }, [isAsked, isSignedIn]);
  return isAsked && isSignedIn ? <Question /> : null;
}

function Question() {
  const [password, setPassword] = useState('');
  const prove = useAction(async () => {
    await auth.reauthenticate(password);
    settle(true);
  });
  const validation = useValidation(onlyErrors({ password: requiredError(password) }));
  const errors = { ...fieldErrors(prove.problem), ...validation.shown };
  const close = (): void => { if (!prove.pending) settle(false); };
  return (
    <Dialog title={t('Enter your password again')} onClose={close}>
      <Form mayBeLeft name={t('Enter your password again')} problem={errors.password ? null : prove.problem}
        onSubmit={() => { if (validation.passes()) void prove.run(); }}>
        <p className="mb-0">
          {t('It has been a while since you signed in. To keep your account safe, this needs your password.')}
        </p>
        <PasswordField label={t('Your password')} name="password" autoComplete="current-password" maxLength={128}
          value={password} error={errors.password} onChange={(event) => setPassword(event.target.value)} />
        <div className="em-dialog-actions mt-0">
          <button type="button" className="btn btn-outline-secondary" onClick={close} disabled={prove.pending}>
            {t('Not now')}
          </button>
          <Busy type="submit" pending={prove.pending} className="btn btn-primary">{t('Continue')}</Busy>
        </div>
      </Form>
    </Dialog>
  );
}
