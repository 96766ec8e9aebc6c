import { events } from '../../api/endpoints';
import { usePages } from '../../api/usePages';
import type { Event } from '../../api/types';
import { Badge } from '../../components/Badge';
import { Contained } from '../../components/Contained';
import { DateTile } from '../../components/DateTile';
import { Select } from '../../components/Field';
import { PagedList } from '../../components/PagedList';
import { PageTitle } from '../../components/PageTitle';
import { SearchBox } from '../../components/SearchBox';
import { Empty, Pending } from '../../components/States';
import { When } from '../../components/When';
import { Link } from '../../routing/Link';
import { navigate, useLocation } from '../../routing/history';
import { serverNow } from '../../time/serverClock';
import { ranges, readRange, timesOf } from './dayRange';
import type { Range } from './dayRange';
import { registrationWindow } from '../Registrations/registrationWindow';
import { plural, t } from '../../language/text';

export function EventListPage() {
  const asked = useLocation().query;
  const query = asked.get('query') ?? '';
  const range = readRange(asked.get('when'));
  const list = usePages<Event>(`events:${range}:${query}`, (cursor, signal) =>
    events.list({ query, ...timesOf(range, new Date()), cursor }, signal));
  const search = (text: string, when: Range): void => {
    const next = new URLSearchParams();
    if (text) next.set('query', text);
    if (when !== 'any') next.set('when', when);
    navigate(`/${next.toString() && `?${next.toString()}`}`, { replace: true });
  };
  return (
    <div className="em-column mx-auto em-stack-l">
      <PageTitle title={t('Events')} />
      <div className="em-row align-items-end">
        <SearchBox label={t('Search events')} value={query} onSearch={(text) => search(text, range)} />
        <Select label={t('When')} name="when" value={range} onChange={(change) => search(query, readRange(change.target.value))}>
          {Object.entries(ranges).map(([value, label]) => <option key={value} value={value}>{t(label)}</option>)}
        </Select>
      </div>
      <PagedList of={list} pending={<Pending label={t('Loading events')} heights={[112, 112, 112, 112]} />}
        empty={query
          ? <Empty title={t('Nothing found')}>{range === 'any' ? t('No event matches “{query}”.', { query }) : t('No event matches “{query}” in these days.', { query })}</Empty>
          : range !== 'any' ? <Empty title={t('Nothing in these days')}>{t('Look further ahead.')}</Empty>
          : <Empty title={t('No events yet')}>{t('As soon as one is published, it will be here.')}</Empty>}>
        {(items) => (
          <ul className="em-list" aria-label={t('Events')}>
            {items.map((event) => <li key={event.id}><Contained>{() => <EventCard event={event} />}</Contained></li>)}
          </ul>
        )}
      </PagedList>
    </div>
  );
}

function EventCard({ event }: { event: Event }) {
  return (
    <article className="em-card em-list-card">
      <DateTile startsAt={event.startsAt} zone={event.timeZone} />
      <div>
        <h2 dir="auto"><Link className="em-cover" to={`/events/${event.id}`}>{event.title}</Link></h2>
        <div><When event={event} /></div>
        {event.venue && <div className="em-soft" dir="auto">{event.venue}</div>}
      </div>
      <div className="em-list-side"><PlacesLeft event={event} /></div>
    </article>
  );
}

function PlacesLeft({ event }: { event: Event }) {
  const window = registrationWindow(event, serverNow());
  if (window === 'ended') return <Badge>{t('Ended')}</Badge>;
  if (window === 'notYet') return <Badge>{t('Opens later')}</Badge>;
  if (window === 'closed') return <Badge>{t('Registration closed')}</Badge>;
  const left = event.capacity - event.confirmed;
  if (left <= 0) return event.waitlistEnabled ? <Badge tone="warn">{t('Waitlist')}</Badge> : <Badge tone="bad">{t('Full')}</Badge>;
  if (left <= event.capacity / 10) return <Badge tone="warn">{t('{count} left', { count: left })}</Badge>;
  return <Badge tone="good">{plural('{count} place|{count} places', left)}</Badge>;
}
