import { registrations } from '../../api/endpoints';
import { usePages } from '../../api/usePages';
import type { OwnRegistration } from '../../api/types';
import { Badge, EventBadge, RegistrationBadge } from '../../components/Badge';
import { Contained } from '../../components/Contained';
import { DateTile } from '../../components/DateTile';
import { PagedList } from '../../components/PagedList';
import { PageTitle } from '../../components/PageTitle';
import { Empty } from '../../components/States';
import { When } from '../../components/When';
import { afterUpdate } from '../../live/updates';
import { useFallbackReads, useIsLive, useTopic } from '../../live/useLive';
import { useKeptPage } from '../../offline/useKeptPage';
import { Link } from '../../routing/Link';
import { t } from '../../language/text';

export function MyTicketsPage() {
  useKeptPage();
  const list = usePages<OwnRegistration>('my-registrations', (cursor, signal) => registrations.mine({ cursor }, signal));
  useTopic('me', (update) => {
    if (update.type === 'subscribed' && update.again) list.reload();
    if (update.type !== 'registration' && update.type !== 'ticket') return;
    const held = list.items?.find((item) => item.id === update.registrationId);
    const next = list.pending || !held ? null : afterUpdate(held, update);
    if (next === null) list.reload();
    else list.set((page) => ({ ...page, items: page.items.map((item) => (item.id === next.id ? next : item)) }));
  });
  useFallbackReads(!useIsLive('me'), 8_000, list.reload);
  return (
    <div className="em-column mx-auto">
      <PageTitle title={t('My tickets')} />
      <PagedList of={list} empty={<Empty title={t('No registrations yet')}><Link to="/">{t('Find an event')}</Link></Empty>}>
        {(items) => (
          <ul className="em-list" aria-label={t('My registrations')}>
            {items.map((item) => <li key={item.id}><Contained>{() => <RegistrationCard item={item} />}</Contained></li>)}
          </ul>
        )}
      </PagedList>
    </div>
  );
}

function RegistrationCard({ item }: { item: OwnRegistration }) {
  const { event } = item;
  const usable = item.status === 'confirmed' && item.ticket !== null && event.status !== 'cancelled';
  return (
    <article className="em-card em-list-card">
      <DateTile startsAt={event.startsAt} zone={event.timeZone} />
      <div>
        <h2 dir="auto"><Link to={`/events/${event.id}`}>{event.title}</Link></h2>
        <div><When event={event} /></div>
        {event.venue && <div className="em-soft" dir="auto">{event.venue}</div>}
        <div className="em-row mt-2">
          {event.status === 'cancelled'
            ? <Badge tone="bad">{t('Event cancelled')}</Badge>
            : <RegistrationBadge status={item.status} position={item.position} />}
          {event.status === 'ended' && <EventBadge status={event.status} />}
          {item.status === 'confirmed' && item.ticket === null && event.status === 'published' && <span className="em-small em-soft">{t('The ticket is being made…')}</span>}
        </div>
      </div>
      <div className="em-list-side">
        {usable && item.ticket && <Link className="btn btn-primary" to={`/tickets/${item.ticket.id}`}>{t('Show ticket')}<span className="visually-hidden"> {t('for {title}', { title: event.title })}</span></Link>}
      </div>
    </article>
  );
}
