import { events } from '../../api/endpoints';
import { usePages } from '../../api/usePages';
import type { Event } from '../../api/types';
import { EventBadge } from '../../components/Badge';
import { CapacityBar, placesText } from '../../components/Capacity';
import { DateTile } from '../../components/DateTile';
import { Select } from '../../components/Field';
import { Contained } from '../../components/Contained';
import { PagedList } from '../../components/PagedList';
import { PageTitle } from '../../components/PageTitle';
import { SearchBox } from '../../components/SearchBox';
import { Empty } from '../../components/States';
import { When } from '../../components/When';
import { t } from '../../language/text';
import { Link } from '../../routing/Link';
import { navigate, useLocation } from '../../routing/history';
import { useSession } from '../../session/session';

/** One's own events, drafts and old ones too; for admins also everybody's. */
export function OwnEventsPage() {
  const { user } = useSession();
  const asked = useLocation().query;
  const query = asked.get('query') ?? '';
  const isAdmin = user?.role === 'admin';
  const all = isAdmin && asked.get('whose') === 'all';
  const list = usePages<Event>(`own-events:${all}:${query}`, (cursor, signal) => events.list({ query, ...(all ? { all } : { mine: true }), cursor }, signal));
  const show = (text: string, everybodys: boolean): void => {
    const next = new URLSearchParams({ ...(text && { query: text }), ...(everybodys && { whose: 'all' }) }).toString();
    navigate(`/organizer${next && `?${next}`}`, { replace: true });
  };
  const title = all ? t('All events') : t('Your events');
  return (
    <>
      <PageTitle title={title}>
        <div className="em-row">
          <Link className="btn btn-primary" to="/organizer/new">{t('Create event')}</Link>
          <Link className="btn btn-outline-secondary" to="/organizer/subscriptions">{t('Subscriptions')}</Link>
        </div>
      </PageTitle>
      <div className="em-stack">
        <div className="em-row align-items-end">
          <SearchBox label={all ? t('Search all events') : t('Search your events')} value={query} onSearch={(text) => show(text, all)} />
          {isAdmin && (
            <Select label={t('Whose')} name="whose" value={all ? 'all' : 'own'} onChange={(change) => show(query, change.target.value === 'all')}>
              <option value="own">{t('Your events')}</option>
              <option value="all">{t('All events')}</option>
            </Select>
          )}
        </div>
        <PagedList of={list} empty={query
          ? <Empty title={t('Nothing found')}>{t('No event matches “{query}”.', { query })}</Empty>
          : <Empty title={t('No events yet')}>{t('Create your first one: it stays a draft until you publish it.')}</Empty>}>
          {(items) => (
            <ul className="em-list" aria-label={title}>
              {items.map((event) => <li key={event.id}><Contained>{() => <EventCard event={event} named={all} />}</Contained></li>)}
            </ul>
          )}
        </PagedList>
      </div>
    </>
  );
}

/** `named`: whose it is has to be said. */
function EventCard({ event, named }: { event: Event; named: boolean }) {
  return (
    <article className="em-card em-list-card">
      <DateTile startsAt={event.startsAt} zone={event.timeZone} />
      <div>
        <h2 dir="auto"><Link className="em-cover" to={`/organizer/events/${event.id}`}>{event.title}</Link></h2>
        <div><When event={event} /></div>
        {named && event.organizerName && <div className="em-soft">{t('by {name}', { name: event.organizerName })}</div>}
        <div className="em-small em-soft em-number mt-2 mb-1">{event.waitlisted > 0 ? `${placesText(event)}, ${t('{waitlisted} in line', { waitlisted: event.waitlisted })}` : placesText(event)}</div>
        <CapacityBar {...event} />
      </div>
      <div className="em-list-side"><EventBadge status={event.status} /></div>
    </article>
  );
}
