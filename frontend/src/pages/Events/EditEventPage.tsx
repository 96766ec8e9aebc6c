import { useMemo, useState } from 'react';
import { events } from '../../api/endpoints';
import { Problem } from '../../api/problem';
import { useAction } from '../../api/useAction';
import type { Event, EventDraft } from '../../api/types';
import { Confirm } from '../../components/Confirm';
import { serverNow } from '../../time/serverClock';
import { EventForm } from './EventForm';
import { changedFields, formOf, putsIntoPast } from './eventFormValues';
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
  const [asking, setAsking] = useState<{ values: EventFormValues; draft: EventDraft } | null>(null);
  const save = useAction(async (values: EventFormValues, draft: EventDraft, isConfirmed = false) => {
    const changes = changedFields(initial, values, draft);
    if (!isConfirmed && putsIntoPast(base, changes, serverNow())) return setAsking({ values, draft });
    let now = base;
    try {
      const wanted = isConfirmed ? { ...changes, confirmPast: true as const } : changes;
      if (Object.keys(changes).length > 0) now = await events.edit(base.id, base.version, wanted);
    } catch (thrown) {
      // This clock may be behind the server's.
      if (!isConfirmed && wantsConfirmation(thrown)) return setAsking({ values, draft });
      setAsking(null);
      throw thrown;
    }
    setAsking(null);
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
      <EventForm key={base.version} name={t('Edit the event')} initial={initial} before={base}
        submitLabel={t('Save changes')} save={save} />
      {asking && (
        <Confirm title={t('Put the event into the past?')} confirm={t('Yes, it is over')} dismiss={t('Back to the form')}
          pending={save.pending} problem={null} onConfirm={() => void save.run(asking.values, asking.draft, true)} onDismiss={() => setAsking(null)}>
          {t('By the new end the event is over: nobody can register any more, and it leaves the list of events.')}
        </Confirm>
      )}
    </div>
  );
}

/** The API's word for it, when it wants to be told that this is meant. */
function wantsConfirmation(thrown: unknown): boolean {
  return thrown instanceof Problem
    && thrown.fields.some(({ field, code }) => field === 'endsAt' && code === 'in-the-past');
}
