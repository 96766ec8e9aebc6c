import { events } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { useIntention } from '../../api/useIntention';
import { useResource } from '../../api/useResource';
import type { Event, EventDraft } from '../../api/types';
import { PageTitle } from '../../components/PageTitle';
import { Loaded, Pending } from '../../components/States';
import { navigate, useLocation } from '../../routing/history';
import { browserZone } from '../../time/zone';
import { EventForm } from './EventForm';
import { blankForm, copyOf } from './eventFormValues';
import type { EventFormValues } from './eventFormValues';
import { t } from '../../language/text';

/** `?from=ID` begins with another event's details, its times left out. */
export function CreateEventPage() {
  const from = useLocation().query.get('from');
  const pattern = useResource<Event>(from ? `event:${from}` : null, (signal) => events.get(from ?? '', signal));
  return (
    <>
      <PageTitle title={t('Create an event')}>
        <p className="em-soft mb-0">{t('It stays a draft that only you see until you publish it.')}</p>
      </PageTitle>
      {from === null
        ? <Creator initial={blankForm(browserZone() ?? 'UTC')} />
        : <Loaded of={pattern} pending={<Pending heights={[480]} />}>{(event) => <Creator initial={copyOf(event)} />}</Loaded>}
    </>
  );
}

function Creator({ initial }: { initial: EventFormValues }) {
  const intend = useIntention();
  const save = useAction(async (_values: EventFormValues, draft: EventDraft) => {
    const event = await intend(draft, (key) => events.create(draft, key));
    navigate(`/organizer/events/${event.id}`, { replace: true });
  });
  return <EventForm name={t('Create an event')} initial={initial} submitLabel={t('Create event')} save={save} />;
}
