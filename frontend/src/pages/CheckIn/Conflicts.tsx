import { events } from '../../api/endpoints';
import { usePages } from '../../api/usePages';
import type { Page, ScanConflict } from '../../api/types';
import { Contained } from '../../components/Contained';
import { ProblemNote } from '../../components/States';
import { placeOf } from '../../gate/resultWords';
import { useTopic } from '../../live/useLive';
import { formatMoment } from '../../time/format';
import { t, worded } from '../../language/text';
import type { Text } from '../../language/text';

type Listed = ScanConflict & { id: string };

const meanings: Record<ScanConflict['kind'], Text> = {
  admittedTwice: 'One ticket was let in more than once.',
  refusedLater: 'A gate without a network let somebody in whom the server would have refused.',
};

/** What the gates let in and should not have, by gate and time. Nothing at all as long as there is none. */
export function Conflicts({ eventId }: { eventId: string }) {
  const list = usePages<Listed>(`conflicts:${eventId}`, async (cursor, signal): Promise<Page<Listed>> => {
    const page = await events.conflicts(eventId, cursor, signal);
    return { ...page, items: page.items.map((conflict) => ({ ...conflict, id: conflict.scans.map((scan) => scan.id).join() })) };
  });
  useTopic(`organizer:${eventId}`, (update) => { if (update.type === 'checkIns') list.reload(); });
  if (list.problem) return <ProblemNote problem={list.problem} retry={list.reload} />;
  if (!list.items?.length) return null;
  return (
    <section className="em-note em-stack-s" data-tone="warn" aria-labelledby="conflicts-heading">
      <h2 id="conflicts-heading" className="mb-0">{t('Conflicts between gates')}</h2>
      <ul className="em-list">
        {list.items.map((conflict) => (
          <li key={conflict.id}><Contained>{() => <Conflict of={conflict} />}</Contained></li>
        ))}
      </ul>
      {list.loadMore && <div><button type="button" className="btn btn-sm btn-outline-secondary" onClick={list.loadMore}>{t('Load more')}</button></div>}
    </section>
  );
}

function Conflict({ of: conflict }: { of: Listed }) {
  return (
    <>
      <div className="em-strong" dir="auto">{conflict.attendee?.displayName ?? t('An unknown ticket')}</div>
      <div>{worded(meanings, conflict.kind)}</div>
      <ul>
        {conflict.scans.map((scan) => (
          <li key={scan.id}>{formatMoment(scan.at) + placeOf(scan) + (scan.offline ? `, ${t('without a network')}` : '')}</li>
        ))}
      </ul>
    </>
  );
}
