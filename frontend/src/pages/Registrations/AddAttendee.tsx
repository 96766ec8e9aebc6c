import { useState } from 'react';
import { events } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { useIntention } from '../../api/useIntention';
import type { Registration } from '../../api/types';
import { Busy } from '../../components/Busy';
import { Dialog } from '../../components/Confirm';
import { TextField } from '../../components/Field';
import { fieldErrors, Form, onlyErrors, useValidation } from '../../components/Form';
import { emailError } from '../Accounts/credentials';
import { t } from '../../language/text';
import type { Text } from '../../language/text';

interface Props {
  eventId: string;
  added: (email: string, registration: Registration) => void;
  close: () => void;
}

/** Takes a place for somebody: also before registration opens and after it has closed, never beyond the capacity. */
export function AddAttendee({ eventId, added, close }: Props) {
  const [email, setEmail] = useState('');
  const intend = useIntention();
  const add = useAction(async () => {
    const address = email.trim();
    added(address, await intend(address, (key) => events.addAttendee(eventId, address, key)));
  });
  const validation = useValidation(onlyErrors({ email: emailError(email) }));
  const refusal = refusals[add.problem?.slug ?? ''];
  const errors = { ...(refusal ? { email: t(refusal) } : fieldErrors(add.problem)), ...validation.shown };
  return (
    <Dialog title={t('Add somebody')} onClose={() => { if (!add.pending) close(); }}>
      <Form name={t('Add an attendee')} problem={errors.email ? null : add.problem} onSubmit={() => { if (validation.passes()) void add.run(); }}>
        <TextField label={t('Email of their account')} name="email" type="email" autoComplete="off" maxLength={254} value={email} error={errors.email}
          hint={t('They get a place, or a place in line, and their ticket by email.')} onChange={(event) => setEmail(event.target.value)} />
        <div className="em-dialog-actions mt-0">
          <button type="button" className="btn btn-outline-secondary" onClick={close} disabled={add.pending}>{t('Back')}</button>
          <Busy type="submit" pending={add.pending} className="btn btn-primary">{t('Add to the event')}</Busy>
        </div>
      </Form>
    </Dialog>
  );
}

/** These are said of the person, not of the reader. */
export const refusals: Record<string, Text | undefined> = {
  'already-registered': 'This person is registered already.',
  full: 'The event is full. Raise its capacity first, or let it keep a waitlist.',
};
