import { events } from '../../api/endpoints';
import { usePages } from '../../api/usePages';
import type { Event } from '../../api/types';
import { EventBadge } from '../../components/Badge';
import { CapacityBar, placesText } from '../../components/Capacity';
import { DateTile } from '../../components/DateTile';
import { PagedList } from '../../components/PagedList';
import { PageTitle } from '../../components/PageTitle';
import { Empty } from '../../components/States';
import { When } from '../../components/When';
import { Link } from '../../routing/Link';
import { t } from '../../language/text';

export function OwnEventsPage() {
  const list = usePages<Event>('own-events', (cursor, signal) => events.list({ mine: true, cursor }, signal));
  return (
    <>
      <PageTitle title={t('Your events')}>
        <div className="em-row">
          <Link className="btn btn-primary" to="/organizer/new">{t('Create event')}</Link>
          <Link className="btn btn-outline-secondary" to="/organizer/subscriptions">{t('Subscriptions')}</Link>
        </div>
      </PageTitle>
      <PagedList of={list} empty={<Empty title={t('No events yet')}>{t('Create your first one: it stays a draft until you publish it.')}</Empty>}>
        {(items) => (
          <ul className="em-list" aria-label={t('Your events')}>
            {items.map((event) => (
              <li key={event.id}>
                <article className="em-card em-list-card">
                  <DateTile startsAt={event.startsAt} zone={event.timeZone} />
                  <div>
                    <h2><Link className="em-cover" to={`/organizer/events/${event.id}`}>{event.title}</Link></h2>
                    <div><When event={event} /></div>
                    <div className="em-small em-soft em-number mt-2 mb-1">{placesText(event)}{event.waitlisted > 0 && `, ${t('{waitlisted} in line', { waitlisted: event.waitlisted })}`}</div>
                    <CapacityBar {...event} />
                  </div>
                  <div className="em-list-side"><EventBadge status={event.status} /></div>
                </article>
              </li>
            ))}
          </ul>
        )}
      </PagedList>
    </>
  );
}
