import { useState } from 'react';
import { account } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { Busy } from '../../components/Busy';
import { Dialog } from '../../components/Confirm';
import { PasswordField } from '../../components/Field';
import { fieldErrors, Form, onlyErrors, useValidation } from '../../components/Form';
import { navigate } from '../../routing/history';
import { forget } from '../../session/session';
import { requiredError } from './credentials';
import { t } from '../../language/text';

/** The end of an account: asked for twice, the second time with the password. */
export function DeleteAccount() {
  const [asking, setAsking] = useState(false);
  return (
    <section className="em-card em-stack" aria-labelledby="delete-heading">
      <h2 id="delete-heading" className="mb-0">{t('Delete your account')}</h2>
      <p className="mb-0">
        {t('Your places at events that are still to come go to the next in line. Your name, your address and your tickets’ documents are erased; that somebody was at past events stays counted, without saying who.')}
      </p>
      <div><button type="button" className="btn btn-outline-danger" onClick={() => setAsking(true)}>{t('Delete your account')}</button></div>
      {asking && <Question close={() => setAsking(false)} />}
    </section>
  );
}

function Question({ close }: { close: () => void }) {
  const [password, setPassword] = useState('');
  const remove = useAction(async () => {
    await account.remove(password);
    forget();
    navigate('/sign-in?notice=account-deleted', { replace: true });
  });
  const validation = useValidation(onlyErrors({ password: requiredError(password) }));
  const errors = { ...fieldErrors(remove.problem), ...validation.shown };
  return (
    <Dialog title={t('Delete your account for good?')} onClose={() => { if (!remove.pending) close(); }}>
      <Form mayBeLeft name={t('Delete account')} problem={remove.problem} onSubmit={() => { if (validation.passes()) void remove.run(); }}>
        <p className="mb-0">{t('Nobody can bring it back, neither you nor we.')}</p>
        <PasswordField label={t('Your password')} name="password" autoComplete="current-password" maxLength={128} value={password}
          error={errors.password} onChange={(event) => setPassword(event.target.value)} />
        <div className="em-dialog-actions">
          <button type="button" className="btn btn-outline-secondary" onClick={close} disabled={remove.pending}>{t('Keep it')}</button>
          <Busy type="submit" pending={remove.pending} className="btn btn-danger">{t('Delete for good')}</Busy>
        </div>
      </Form>
    </Dialog>
  );
}
