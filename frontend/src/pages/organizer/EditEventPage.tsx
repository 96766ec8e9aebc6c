import { useMemo, useState } from 'react';
import { events } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import type { Event, EventDraft } from '../../api/types';
import { EventForm } from './EventForm';
import { changedFields, formOf } from './eventFormValues';
import type { EventFormValues } from './eventFormValues';
import { ManagedEvent } from './ManagedEvent';
import { t } from '../../language/text';

export function EditEventPage({ id = '' }: { id?: string }) {
  return <ManagedEvent id={id} section="Edit">{(event, set, reload) => <Editor {...{ event, set, reload }} />}</ManagedEvent>;
}

interface Props {
  event: Event;
  set: (event: Event) => void;
  reload: () => void;
}

function Editor({ event, set, reload }: Props) {
  // The event as it was when editing began: the version that If-Match names. A live update doesn't touch the form.
  const [base, setBase] = useState(event);
  const [saved, setSaved] = useState(0);
  const initial = useMemo(() => formOf(base), [base]);
  const save = useAction(async (values: EventFormValues, draft: EventDraft) => {
    const changes = changedFields(initial, values, draft);
    const now = Object.keys(changes).length === 0 ? base : await events.edit(base.id, base.version, changes);
    set(now);
    setBase(now);
    setSaved((count) => count + 1);
  });
  return (
    <div className="em-stack">
      {save.problem?.slug === 'version-mismatch' && (
        <div><button type="button" className="btn btn-outline-secondary" onClick={() => { setBase(event); save.clear(); reload(); }}>{t('Load the newest version')}</button></div>
      )}
      <div role="status">{saved > 0 && !save.pending && !save.problem && <p className="em-note mb-0" data-tone="good">{t('Saved.')}</p>}</div>
      <EventForm key={base.version} name={t('Edit the event')} initial={initial} submitLabel={t('Save changes')} save={save} />
    </div>
  );
}
