import { useEffect, useRef, useState } from 'react';
import { events } from '../api/endpoints';
import { usePages } from '../api/usePages';
import type { Pages } from '../api/usePages';
import type { Announcement, HeardAnnouncement } from '../api/types';
import { withHeard } from '../live/updates';
import { useTopic } from '../live/useLive';
import { formatMoment } from '../time/format';
import { Contained } from './Contained';
import { PagedList } from './PagedList';
import { Prose } from './Prose';
import { t } from '../language/text';

/** What the organizer has told everybody, newest first; new ones appear as they are posted. */
export function Announcements({ eventId }: { eventId: string }) {
  const list = useAnnouncements(eventId);
  return (
    <section aria-labelledby="announcements-heading">
      <h2 id="announcements-heading">{t('Announcements')}</h2>
      <div aria-live="polite" aria-relevant="additions">
        <PagedList of={list} empty={<p className="em-soft mb-0">{t('Nothing announced yet. News of this event will appear here.')}</p>}>
          {(items) => (
            <ul className="em-list">
              {items.map((item) => (
                <li key={item.id} className="em-card">
                  <Contained>
                    {() => (
                      <>
                        <h3 dir="auto">{item.title}</h3>
                        <Prose text={item.body} className="mb-2" />
                        <div className="em-small em-soft"><time dateTime={item.at}>{formatMoment(item.at)}</time></div>
                      </>
                    )}
                  </Contained>
                </li>
              ))}
            </ul>
          )}
        </PagedList>
      </div>
    </section>
  );
}

/**
 * Read once, and heard from then on. What was announced before the socket stood, or while it was away, shows by the id of
 * the newest that comes with the subscription: only who lacks it reads again, not everybody at every reconnect.
 */
function useAnnouncements(eventId: string): Omit<Pages<HeardAnnouncement>, 'set'> {
  const list = usePages<Announcement>(`announcements:${eventId}`, (cursor, signal) => events.announcements(eventId, cursor, signal));
  const [heard, setHeard] = useState<HeardAnnouncement[]>([]);
  const [newest, setNewest] = useState<string>();
  useTopic(`event:${eventId}`, (update) => {
    if (update.type === 'subscribed') setNewest(update.lastAnnouncement);
    if (update.type !== 'announcement') return;
    const { id, title, body, at } = update;
    setHeard((before) => (before.some((item) => item.id === id) ? before : [...before, { id, eventId, title, body, at }]));
  });
  const items = list.items && withHeard(list.items, heard.filter((item) => item.eventId === eventId));
  const lacks = newest !== undefined && !list.pending && items !== undefined && !items.some((item) => item.id === newest);
  const asked = useRef<string>();
  const { reload } = list;
  useEffect(() => {
    if (!lacks || asked.current === newest) return;
    asked.current = newest;
    reload();
  }, [lacks, newest, reload]);
  return { ...list, items };
}
