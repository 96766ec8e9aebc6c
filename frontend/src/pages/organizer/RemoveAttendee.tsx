import { useState } from 'react';
import { events } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import type { Attendee, Registration } from '../../api/types';
import { Busy } from '../../components/Busy';
import { Dialog } from '../../components/Confirm';
import { TextArea } from '../../components/Field';
import { fieldErrors, Form } from '../../components/Form';

interface Props {
  eventId: string;
  attendee: Attendee;
  removed: (registration: Registration) => void;
  close: () => void;
}

/** Takes somebody's place away, with a word to them. */
export function RemoveAttendee({ eventId, attendee, removed, close }: Props) {
  const [reason, setReason] = useState('');
  const remove = useAction(async () => removed(await events.removeAttendee(eventId, attendee.id, reason.trim() || null)));
  const name = attendee.attendee.displayName;
  return (
    <Dialog title={`Remove ${name}?`} onClose={() => { if (!remove.pending) close(); }}>
      <Form name="Remove an attendee" problem={remove.problem} onSubmit={() => void remove.run()}>
        <p className="mb-0">
          {attendee.status === 'confirmed'
            ? 'Their ticket stops being valid, and their place goes to the first in line. They are told by email.'
            : 'They lose their place in line and are told by email.'}
        </p>
        <TextArea label="Reason" name="reason" rows={3} maxLength={500} value={reason} error={fieldErrors(remove.problem).reason}
          hint={`May stay empty. ${name} can read it.`} onChange={(event) => setReason(event.target.value)} />
        <div className="em-dialog-actions mt-0">
          <button type="button" className="btn btn-outline-secondary" onClick={close} disabled={remove.pending}>Back</button>
          <Busy type="submit" pending={remove.pending} className="btn btn-danger">Remove</Busy>
        </div>
      </Form>
    </Dialog>
  );
}
