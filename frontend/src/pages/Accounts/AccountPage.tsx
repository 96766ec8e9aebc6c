import { useState } from 'react';
import { account } from '../../api/endpoints';
import { download } from '../../api/download';
import { useAction } from '../../api/useAction';
import { Busy } from '../../components/Busy';
import { PasswordField, TextField } from '../../components/Field';
import { fieldErrors, Form, onlyErrors, useValidation } from '../../components/Form';
import { PageTitle } from '../../components/PageTitle';
import { ProblemNote } from '../../components/States';
import { Link } from '../../routing/Link';
import { renewSession, useSession } from '../../session/session';
import { emailError, passwordError, requiredError } from './credentials';
import { DeleteAccount } from './DeleteAccount';
import { PreferenceSection } from '../Notifications/PreferenceSection';
import { Sessions } from './Sessions';
import { rich, t } from '../../language/text';

/** One's own account: where one is signed in, its password and address, its data, and its end. */
export function AccountPage() {
  const { user } = useSession();
  return (
    <div className="em-column mx-auto em-stack">
      <PageTitle title={t('Your account')}>
        <p className="em-soft mb-0"><bdi>{user?.displayName}</bdi><span>{`, ${user?.email ?? ''}`}</span></p>
      </PageTitle>
      <PreferenceSection />
      <Sessions />
      <Password email={user?.email ?? ''} />
      <Email />
      <Programs />
      <Data />
      <DeleteAccount />
    </div>
  );
}

function Password({ email }: { email: string }) {
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [saved, setSaved] = useState(false);
  const change = useAction(async () => {
    setSaved(false);
    renewSession(await account.changePassword(current, next));
    setCurrent('');
    setNext('');
    setSaved(true);
  });
  const validation = useValidation(onlyErrors({ currentPassword: requiredError(current), newPassword: passwordError(next) }));
  const errors = { ...fieldErrors(change.problem), ...validation.shown };
  return (
    <section className="em-card em-stack" aria-labelledby="password-heading">
      <h2 id="password-heading" className="mb-0">{t('Password')}</h2>
      <div role="status" className="em-quiet">
        {saved && <p className="em-note mb-0" data-tone="good">{t('Your new password is saved. You are signed out everywhere else.')}</p>}
      </div>
      <Form name={t('Change password')} problem={change.problem} onSubmit={() => { if (validation.passes()) void change.run(); }}>
        {/* For password managers: whose password this is. */}
        <input type="hidden" name="username" autoComplete="username" value={email} />
        <PasswordField label={t('Current password')} name="currentPassword" autoComplete="current-password" maxLength={128}
          value={current} error={errors.currentPassword} onChange={(event) => setCurrent(event.target.value)} />
        <PasswordField label={t('New password')} name="newPassword" autoComplete="new-password" maxLength={128} value={next}
          hint={t('At least 8 characters; a few words make a good one. You will be signed out everywhere else.')} error={errors.newPassword}
          onChange={(event) => setNext(event.target.value)} />
        <div><Busy type="submit" pending={change.pending} className="btn btn-primary">{t('Change password')}</Busy></div>
      </Form>
    </section>
  );
}

function Email() {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [asked, setAsked] = useState('');
  const change = useAction(async () => {
    setAsked('');
    await account.changeEmail(email.trim(), password);
    setAsked(email.trim());
    setEmail('');
    setPassword('');
  });
  const validation = useValidation(onlyErrors({ email: emailError(email), password: requiredError(password) }));
  const errors = { ...fieldErrors(change.problem), ...validation.shown };
  return (
    <section className="em-card em-stack" aria-labelledby="email-heading">
      <h2 id="email-heading" className="mb-0">{t('Email address')}</h2>
      <div role="status" className="em-quiet">
        {asked && (
          <p className="em-note mb-0" data-tone="good">
            {rich('We sent a mail to {asked}. Once you follow the link in it, this is your address; until then nothing changes.', { asked: <strong>{asked}</strong> })}
          </p>
        )}
      </div>
      <Form name={t('Change email address')} problem={change.problem} onSubmit={() => { if (validation.passes()) void change.run(); }}>
        <TextField label={t('New email address')} name="email" type="email" autoComplete="email" maxLength={254} value={email}
          error={errors.email} onChange={(event) => setEmail(event.target.value)} />
        <PasswordField label={t('Your password')} name="password" autoComplete="current-password" maxLength={128} value={password}
          error={errors.password} onChange={(event) => setPassword(event.target.value)} />
        <div><Busy type="submit" pending={change.pending} className="btn btn-primary">{t('Change address')}</Busy></div>
      </Form>
    </section>
  );
}

function Programs() {
  return (
    <section className="em-card em-stack" aria-labelledby="programs-heading">
      <h2 id="programs-heading" className="mb-0">{t('Programs')}</h2>
      <p className="mb-0">{t('With a key of its own, a program can do some of what you can do here.')}</p>
      <div><Link className="btn btn-outline-secondary" to="/account/api-keys">{t('API keys')}</Link></div>
    </section>
  );
}

function Data() {
  const save = useAction(() => download('/me/export', 'em-connect-account.json'));
  return (
    <section className="em-card em-stack" aria-labelledby="data-heading">
      <h2 id="data-heading" className="mb-0">{t('Your data')}</h2>
      <p className="mb-0">{t('Everything that is stored about you, as one file that programs can read (JSON).')}</p>
      <ProblemNote problem={save.problem} />
      <div><Busy pending={save.pending} className="btn btn-outline-secondary" onClick={() => void save.run()}>{t('Download your data')}</Busy></div>
    </section>
  );
}
