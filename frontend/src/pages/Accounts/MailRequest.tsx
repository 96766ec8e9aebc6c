import { useState } from 'react';
import type { ReactNode } from 'react';
import { useAction } from '../../api/useAction';
import { Busy } from '../../components/Busy';
import { TextField } from '../../components/Field';
import { fieldErrors, Form, onlyErrors, useValidation } from '../../components/Form';
import { emailError } from './credentials';
import { t } from '../../language/text';

interface Props {
  name: string;
  submitLabel: string;
  email?: string;
  /** Asks for the mail. */
  request: (email: string) => Promise<void>;
  /** What is said afterwards, whether or not there is an account with this address. */
  answer: (email: string) => ReactNode;
}

/** Asks for an address and has a mail with a link sent there. */
export function MailRequest({ name, submitLabel, email: known = '', request, answer }: Props) {
  const [email, setEmail] = useState(known);
  const [sentTo, setSentTo] = useState<string | null>(null);
  const ask = useAction(async (to: string) => {
    await request(to);
    setSentTo(to);
  });
  const validation = useValidation(onlyErrors({ email: emailError(email) }));
  const submit = (): void => { if (validation.passes()) void ask.run(email.trim()); };
  const errors = { ...fieldErrors(ask.problem), ...validation.shown };
  return (
    <div className="em-stack">
      <div role="status" className="em-quiet">
        {sentTo !== null && !ask.pending && ask.problem === null && (
          <div className="em-note em-stack" data-tone="good">
            <div>{answer(sentTo)}</div>
            <div className="em-small">{t('Nothing there after some minutes? Look among the spam, or try again below.')}</div>
          </div>
        )}
      </div>
      <Form mayBeLeft name={name} problem={ask.problem} onSubmit={submit}>
        <TextField label={t('Email')} name="email" type="email" autoComplete="username" maxLength={254} value={email}
          error={errors.email} onChange={(event) => setEmail(event.target.value)} />
        <Busy type="submit" pending={ask.pending} className={sentTo === null ? 'btn btn-primary' : 'btn btn-outline-secondary'}>
          {sentTo === null ? submitLabel : t('Send it again')}
        </Busy>
      </Form>
    </div>
  );
}
