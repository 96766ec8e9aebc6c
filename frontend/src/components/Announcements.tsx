import { events } from '../api/endpoints';
import { usePages } from '../api/usePages';
import type { Announcement } from '../api/types';
import { useTopic } from '../live/useLive';
import { formatMoment } from '../time/format';
import { PagedList } from './PagedList';

/** What the organizer has told everybody, newest first; new ones appear as they are posted. */
export function Announcements({ eventId }: { eventId: string }) {
  const list = usePages<Announcement>(`announcements:${eventId}`, (cursor, signal) => events.announcements(eventId, cursor, signal));
  useTopic(`event:${eventId}`, (update) => {
    if (update.type === 'subscribed' && update.again) list.reload();
    if (update.type !== 'announcement') return;
    const { id, title, body, at } = update;
    list.set((page) => (page.items.some((item) => item.id === id)
      ? page
      : { ...page, items: [{ id, eventId, title, body, at }, ...page.items] }));
  });
  return (
    <section aria-labelledby="announcements-heading">
      <h2 id="announcements-heading">Announcements</h2>
      <div aria-live="polite" aria-relevant="additions">
        <PagedList of={list} empty={<p className="em-soft mb-0">Nothing announced yet. News of this event will appear here.</p>}>
          {(items) => (
            <ul className="em-list">
              {items.map((item) => (
                <li key={item.id} className="em-card">
                  <h3>{item.title}</h3>
                  <p className="em-prose mb-2">{item.body}</p>
                  <div className="em-small em-soft"><time dateTime={item.at}>{formatMoment(item.at)}</time></div>
                </li>
              ))}
            </ul>
          )}
        </PagedList>
      </div>
    </section>
  );
}
