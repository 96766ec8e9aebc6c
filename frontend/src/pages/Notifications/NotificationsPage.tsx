import { notifications } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { usePages } from '../../api/usePages';
import type { Notification } from '../../api/types';
import { NotificationBadge } from '../../components/Badge';
import { Busy } from '../../components/Busy';
import { Contained } from '../../components/Contained';
import { PagedList } from '../../components/PagedList';
import { PageTitle } from '../../components/PageTitle';
import { Prose } from '../../components/Prose';
import { Empty, ProblemNote } from '../../components/States';
import { useTopic } from '../../live/useLive';
import { Link } from '../../routing/Link';
import { serverNow } from '../../time/serverClock';
import { formatMoment, formatMomentIn } from '../../time/format';
import { notificationKinds } from '../../components/notificationKinds';
import { t, worded } from '../../language/text';
import type { Text } from '../../language/text';

export function NotificationsPage() {
  const list = usePages<Notification>('notifications', (cursor, signal) => notifications.mine(cursor, signal));
  useTopic('me', (update) => {
    if (update.type === 'notification' || (update.type === 'subscribed' && update.again)) list.reload();
  });
  const isRead = (id: string | null): void => list.set((page) => ({
    ...page, items: page.items.map((item) => (id === null || item.id === id ? { ...item, readAt: item.readAt ?? new Date(serverNow()).toISOString() } : item)),
  }));
  const readAll = useAction(async () => {
    await notifications.readAll();
    isRead(null);
  });
  return (
    <div className="em-column mx-auto">
      <PageTitle title={t('Notifications')}>
        <p className="em-soft mb-0"><span>{`${t('What we sent you, and whether it arrived.')} `}</span><Link to="/account">{t('Choose what comes')}</Link></p>
      </PageTitle>
      {list.items?.some((item) => item.readAt === null) && (
        <div className="mb-3"><Busy pending={readAll.pending} className="btn btn-sm btn-outline-secondary" onClick={() => void readAll.run()}>{t('Mark all as read')}</Busy></div>
      )}
      <ProblemNote problem={readAll.problem} />
      <PagedList of={list} empty={<Empty title={t('Nothing yet')}>{t('When you register for something, we write to you.')}</Empty>}>
        {(items) => (
          <ul className="em-list">
            {items.map((item) => <li key={item.id}><Contained>{() => <NotificationCard item={item} read={() => isRead(item.id)} />}</Contained></li>)}
          </ul>
        )}
      </PagedList>
    </div>
  );
}

const fields: Record<string, Text> = {
  title: 'Title', description: 'Description', venue: 'Venue', startsAt: 'Starts', endsAt: 'Ends', timeZone: 'Time zone',
};

function NotificationCard({ item, read }: { item: Notification; read: () => void }) {
  const mark = useAction(async () => {
    await notifications.read(item.id);
    read();
  });
  const isNew = item.readAt === null;
  // Where the event's clocks were set otherwise, each time is told by the clocks that it was meant by.
  const zones = item.changes?.find((change) => change.field === 'timeZone');
  return (
    <article className="em-card em-list-card is-dateless" data-unread={isNew || undefined}>
      <div>
        <h2 dir="auto">
          {isNew && <span className="em-unread-dot"><span className="visually-hidden">{`${t('Unread')}: `}</span></span>}
          <span>{item.announcement?.title ?? worded(notificationKinds, item.kind)}</span>
        </h2>
        {item.announcement && <Prose text={item.announcement.body} className="mb-1" />}
        {item.changes && (
          <ul className="em-small mb-1">
            {item.changes.map((change) => (
              <li key={change.field}><span>{worded(fields, change.field)}: </span><bdi>{shown(change.before, zones?.before)}</bdi><span> → </span><bdi>{shown(change.after, zones?.after)}</bdi></li>
            ))}
          </ul>
        )}
        {item.subscription && (
          <>
            <Link to="/organizer/subscriptions" dir="auto">{item.subscription.name}</Link>
            <p className="mb-1">{item.subscription.isDisabled ? t('Its receiver wants no more of them.') : t('Nothing has arrived there for days: it is paused.')}</p>
          </>
        )}
        {item.eventId && item.eventTitle && <Link to={`/events/${item.eventId}`} dir="auto">{item.eventTitle}</Link>}
        <div className="em-small em-soft">
          <span>{`${item.channel === 'email' ? t('By email') : item.channel} · `}</span>
          <time dateTime={item.sentAt ?? item.createdAt}>{formatMoment(item.sentAt ?? item.createdAt)}</time>
          {item.status === 'retrying' && item.nextAttemptAt && <span>{` · ${t('next try {at}', { at: formatMoment(item.nextAttemptAt) })}`}</span>}
        </div>
      </div>
      <div className="em-list-side em-stack-s">
        <NotificationBadge status={item.status} />
        {isNew && <Busy pending={mark.pending} className="btn btn-sm btn-outline-secondary" onClick={() => void mark.run()}>{t('Mark as read')}</Busy>}
      </div>
    </article>
  );
}

/** A value as the event had it; times by the clocks of a zone, else on the reader's own. */
function shown(value: string | null, zone: string | null = null): string {
  if (value === null || value === '') return '–';
  if (!/^\d{4}-\d\d-\d\dT.*Z$/.test(value)) return value;
  return zone === null ? formatMoment(value) : formatMomentIn(value, zone);
}
