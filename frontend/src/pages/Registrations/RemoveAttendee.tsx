import { useState } from 'react';
import { events } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import type { Attendee, Registration } from '../../api/types';
import { Busy } from '../../components/Busy';
import { Dialog } from '../../components/Confirm';
import { TextArea } from '../../components/Field';
import { fieldErrors, Form } from '../../components/Form';
import { t } from '../../language/text';

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
    <Dialog title={t('Remove {name}?', { name })} onClose={() => { if (!remove.pending) close(); }}>
      <Form name={t('Remove an attendee')} problem={remove.problem} onSubmit={() => void remove.run()}>
        <p className="mb-0">
          {attendee.status === 'confirmed'
            ? t('Their ticket stops being valid, and their place goes to the first in line. They are told by email.')
            : t('They lose their place in line and are told by email.')}
        </p>
        {attendee.checkedInAt && (
          <p className="em-note mb-0" data-tone="warn">
            {t('{name} is inside. The check-in is undone, too.', { name })}
          </p>
        )}
        <TextArea label={t('Reason')} name="reason" rows={3} maxLength={500} value={reason} error={fieldErrors(remove.problem).reason}
          hint={t('May stay empty. {name} can read it.', { name })} onChange={(event) => setReason(event.target.value)} />
        <div className="em-dialog-actions mt-0">
          <button type="button" className="btn btn-outline-secondary" onClick={close} disabled={remove.pending}>{t('Back')}</button>
          <Busy type="submit" pending={remove.pending} className="btn btn-danger">{t('Remove')}</Busy>
        </div>
      </Form>
    </Dialog>
  );
}
