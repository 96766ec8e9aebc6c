import { useEvent } from '../../api/useEvent';
import type { Resource } from '../../api/useResource';
import type { Event, OwnRegistration } from '../../api/types';
import { Announcements } from '../../components/Announcements';
import { EventBadge } from '../../components/Badge';
import { LiveCapacity } from '../../components/Capacity';
import { PageTitle } from '../../components/PageTitle';
import { Prose } from '../../components/Prose';
import { Loaded, Pending } from '../../components/States';
import { StepNote } from '../../components/StepNote';
import { When } from '../../components/When';
import { useCounts, useFallbackReads, useIsLive } from '../../live/useLive';
import { Link } from '../../routing/Link';
import { useSession } from '../../session/session';
import { OwnPlace } from '../Registrations/OwnPlace';
import { useOwnRegistration } from '../Registrations/useOwnRegistration';
import { t } from '../../language/text';

export function EventPage({ id = '' }: { id?: string }) {
  const event = useEvent(id);
  const live = useIsLive(`event:${id}`);
  useFallbackReads(!live && event.data !== undefined && event.data.status !== 'draft', 5_000, event.reload);
  // Both are read side by side and shown together: a ticket that pushed itself in later would make the page jump.
  const session = useSession();
  const own = useOwnRegistration(id);
  const ownKnown = session.status !== 'restoring' && (session.user === null || own.data !== undefined || own.problem !== null);
  const shown = { ...event, data: ownKnown ? event.data : undefined };
  return (
    <Loaded of={shown} title={t('Event')} pending={<Pending label={t('Loading the event')} heights={[48, 280, 160]} />}>
      {(data) => <EventView event={data} own={own} reload={event.reload} />}
    </Loaded>
  );
}

function EventView({ event, own, reload }: { event: Event; own: Resource<OwnRegistration | null>; reload: () => void }) {
  const counts = useCounts(event);
  const { user } = useSession();
  const manages = user !== null && (user.id === event.ownerId || user.role === 'admin');
  return (
    <article>
      <PageTitle title={event.title}>
        <div className="em-row">
          {event.status !== 'published' && <EventBadge status={event.status} />}
          {event.organizerName && <span className="em-soft">{t('by {name}', { name: event.organizerName })}</span>}
          {manages && <Link to={`/organizer/events/${event.id}`}>{t('Manage this event')}</Link>}
        </div>
      </PageTitle>
      <div className="em-two">
        <div className="em-stack-l order-2 order-lg-1">
          {event.description && (
            <section aria-labelledby="about-heading">
              <h2 id="about-heading">{t('About')}</h2>
              <Prose text={event.description} className="mb-0" />
            </section>
          )}
          {event.status !== 'draft' && <Announcements eventId={event.id} />}
        </div>
        <aside className="em-card em-stack order-1 order-lg-2" aria-label={t('Your place')}>
          <dl className="em-facts">
            <div><dt>{t('When')}</dt><dd><When event={event} /></dd></div>
            {event.venue && <div><dt>{t('Where')}</dt><dd dir="auto">{event.venue}</dd></div>}
          </dl>
          {manages && <StepNote event={event} counts={counts} />}
          {event.status !== 'draft' && <LiveCapacity event={event} counts={counts} />}
          <OwnPlace event={event} counts={counts} own={own} reloadEvent={reload} />
        </aside>
      </div>
    </article>
  );
}
