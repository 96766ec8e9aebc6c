import { useMemo } from 'react';
import { events } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { useIntention } from '../../api/useIntention';
import type { EventDraft } from '../../api/types';
import { PageTitle } from '../../components/PageTitle';
import { navigate } from '../../routing/history';
import { browserZone } from '../../time/zone';
import { EventForm } from './EventForm';
import { blankForm } from './eventFormValues';
import type { EventFormValues } from './eventFormValues';

export function CreateEventPage() {
  const initial = useMemo(() => blankForm(browserZone()), []);
  const intend = useIntention();
  const save = useAction(async (_values: EventFormValues, draft: EventDraft) => {
    const event = await intend(draft, (key) => events.create(draft, key));
    navigate(`/organizer/events/${event.id}`, { replace: true });
  });
  return (
    <>
      <PageTitle title="Create an event">
        <p className="em-soft mb-0">It stays a draft that only you see until you publish it.</p>
      </PageTitle>
      <EventForm name="Create an event" initial={initial} submitLabel="Create event" save={save} />
    </>
  );
}
