import { useState } from 'react';
import { events } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import type { RecordedScan } from '../../api/types';
import { Busy } from '../../components/Busy';
import { Dialog } from '../../components/Confirm';
import { TextField } from '../../components/Field';
import { fieldErrors, Form, onlyErrors, useValidation } from '../../components/Form';
import { t } from '../../language/text';

/** Takes a check-in back, so that the ticket admits once more; why is written down. */
export function UndoCheckIn({ scan, undone, close }: { scan: RecordedScan; undone: () => void; close: () => void }) {
  const [reason, setReason] = useState('');
  const undo = useAction(async () => {
    await events.undoCheckIn(scan.id, reason.trim());
    undone();
  });
  const validation = useValidation(onlyErrors({ reason: reason.trim() ? undefined : t('Say why: others will read it.') }));
  const errors = { ...fieldErrors(undo.problem), ...validation.shown };
  return (
    <Dialog title={t('Undo the check-in of {name}?', { name: scan.attendee?.displayName ?? t('this ticket') })} onClose={() => { if (!undo.pending) close(); }}>
      <Form name={t('Undo a check-in')} problem={undo.problem} onSubmit={() => { if (validation.passes()) void undo.run(); }}>
        <p className="mb-0">{t('Their ticket can be used once more.')}</p>
        <TextField label={t('Reason')} name="reason" maxLength={500} value={reason} error={errors.reason}
          onChange={(event) => setReason(event.target.value)} />
        <div className="em-dialog-actions mt-0">
          <button type="button" className="btn btn-outline-secondary" onClick={close} disabled={undo.pending}>{t('Back')}</button>
          <Busy type="submit" pending={undo.pending} className="btn btn-danger">{t('Undo the check-in')}</Busy>
        </div>
      </Form>
    </Dialog>
  );
}
