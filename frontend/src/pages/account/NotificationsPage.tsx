import { notifications } from '../../api/endpoints';
import { usePages } from '../../api/usePages';
import type { Notification } from '../../api/types';
import { NotificationBadge } from '../../components/Badge';
import { PagedList } from '../../components/PagedList';
import { PageTitle } from '../../components/PageTitle';
import { Empty } from '../../components/States';
import { useTopic } from '../../live/useLive';
import { Link } from '../../routing/Link';
import { formatMoment } from '../../time/format';
import { t } from '../../language/text';
import type { Text } from '../../language/text';

const kinds: Record<Notification['kind'], Text> = {
  'registration.confirmed': 'Your place is confirmed',
  'registration.cancelled': 'Your registration was cancelled',
  'ticket.transferOffered': 'Your ticket was offered to somebody',
  'ticket.transferred': 'Your ticket was taken over',
  'member.added': 'You are in the event’s team',
  'registration.waitlisted': 'You are in line',
  'registration.promoted': 'You moved up and have a place',
  'event.updated': 'The event was changed',
  'event.cancelled': 'The event was cancelled',
};

export function NotificationsPage() {
  const list = usePages<Notification>('notifications', (cursor, signal) => notifications.mine(cursor, signal));
  useTopic('me', (update) => {
    if (update.type === 'notification' || (update.type === 'subscribed' && update.again)) list.reload();
  });
  return (
    <div className="em-column mx-auto">
      <PageTitle title={t('Notifications')}><p className="em-soft mb-0">{t('What we sent you, and whether it arrived.')}</p></PageTitle>
      <PagedList of={list} empty={<Empty title={t('Nothing yet')}>{t('When you register for something, we write to you.')}</Empty>}>
        {(items) => (
          <ul className="em-list">
            {items.map((item) => <li key={item.id}><NotificationCard item={item} /></li>)}
          </ul>
        )}
      </PagedList>
    </div>
  );
}

function NotificationCard({ item }: { item: Notification }) {
  return (
    <article className="em-card em-list-card is-dateless">
      <div>
        <h2>{t(kinds[item.kind])}</h2>
        {item.eventId && item.eventTitle && <Link to={`/events/${item.eventId}`}>{item.eventTitle}</Link>}
        <div className="em-small em-soft">
          {item.channel === 'email' ? t('By email') : item.channel} · <time dateTime={item.sentAt ?? item.createdAt}>{formatMoment(item.sentAt ?? item.createdAt)}</time>
          {item.status === 'retrying' && item.nextAttemptAt && ` · ${t('next try {at}', { at: formatMoment(item.nextAttemptAt) })}`}
        </div>
      </div>
      <div className="em-list-side"><NotificationBadge status={item.status} /></div>
    </article>
  );
}
