import { useState } from 'react';
import { events } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { usePages } from '../../api/usePages';
import type { Mailing } from '../../api/types';
import { Badge, toned } from '../../components/Badge';
import type { Tone } from '../../components/Badge';
import { Busy } from '../../components/Busy';
import { Contained } from '../../components/Contained';
import { PagedList } from '../../components/PagedList';
import { Prose } from '../../components/Prose';
import { ProblemNote } from '../../components/States';
import { isolated, plural, t, worded } from '../../language/text';
import type { Text } from '../../language/text';
import type { MailingProgress } from '../../live/updates';
import { useTopic } from '../../live/useLive';
import { formatMoment } from '../../time/format';

const kinds: Record<Mailing['kind'], Text> = {
  announcement: 'An announcement', 'event.updated': 'The event was changed', 'event.cancelled': 'The event was cancelled',
  'event.reminder': 'A reminder',
};
const states: Record<Mailing['status'], [Tone, Text]> = {
  scheduled: ['accent', 'Scheduled'], planning: ['warn', 'Going out'], sending: ['warn', 'Going out'], done: ['good', 'Told'],
  cancelled: ['plain', 'Taken back'],
};

/** What goes to everybody, the newest first, and how far each has come, as it goes. */
export function Mailings({ eventId }: { eventId: string }) {
  const list = usePages<Mailing>(`mailings:${eventId}`, (cursor, signal) => events.mailings(eventId, cursor, signal));
  useTopic(`organizer:${eventId}`, (update) => {
    if (update.type === 'subscribed' && update.again) list.reload();
    if (update.type !== 'mailings') return;
    if (update.items.some(({ id }) => !list.items?.some((item) => item.id === id))) list.reload();
    list.set((page) => ({ ...page, items: page.items.map((item) => withProgress(item, update.items.find(({ id }) => id === item.id))) }));
  });
  return (
    <section aria-labelledby="mailings-heading" className="em-stack">
      <h2 id="mailings-heading" className="mb-0">{t('What everybody was told')}</h2>
      <PagedList of={list} empty={<p className="em-soft mb-0">{t('Nothing so far.')}</p>}>
        {(items) => (
          <ul className="em-list">
            {items.map((item) => <li key={item.id}><Contained>{() => <Told mailing={item} changed={list.reload} eventId={eventId} />}</Contained></li>)}
          </ul>
        )}
      </PagedList>
    </section>
  );
}

/** What has been sent never goes back: of two states the one with more of it is the later. */
function withProgress(held: Mailing, now: MailingProgress | undefined): Mailing {
  if (now === undefined || now.sent < held.progress.sent) return held;
  const { recipients, queued, sent, retrying, failed, muted, status } = now;
  return { ...held, status, progress: { recipients, queued, sent, retrying, failed, muted } };
}

function Told({ mailing, eventId, changed }: { mailing: Mailing; eventId: string; changed: () => void }) {
  const { tone, words } = toned(states, mailing.status);
  const takeBack = useAction(async () => {
    await events.takeBack(eventId, mailing.id);
    changed();
  });
  const [whole, setWhole] = useState(false);
  return (
    <article className="em-card em-stack-s">
      <div className="em-row em-row-spread">
        <h3 className="mb-0" dir="auto">{mailing.title ?? worded(kinds, mailing.kind)}</h3>
        <Badge tone={tone}>{words}</Badge>
      </div>
      <div className="em-small em-soft"><time dateTime={mailing.at}>{formatMoment(mailing.at)}</time>{mailing.authorName && <span>{` · ${isolated(mailing.authorName)}`}</span>}</div>
      {mailing.body && (
        <>
          {whole && <Prose text={mailing.body} className="mb-0" />}
          <div><button type="button" className="btn btn-link btn-sm p-0" aria-expanded={whole} onClick={() => setWhole(!whole)}>{whole ? t('Hide the text') : t('Show the text')}</button></div>
        </>
      )}
      {mailing.status !== 'scheduled' && mailing.status !== 'cancelled' && <Progress of={mailing.progress} />}
      {mailing.status === 'scheduled' && mailing.kind === 'announcement' && (
        <div><Busy pending={takeBack.pending} className="btn btn-sm btn-outline-danger" onClick={() => void takeBack.run()}>{t('Take it back')}</Busy></div>
      )}
      <ProblemNote problem={takeBack.problem} />
    </article>
  );
}

function Progress({ of: { recipients, sent, retrying, failed, muted } }: { of: Mailing['progress'] }) {
  const mails = recipients - muted;
  const parts = [
    plural('{count} email sent|{count} emails sent', sent),
    retrying > 0 && plural('{count} is tried again|{count} are tried again', retrying),
    failed > 0 && plural('{count} failed|{count} failed', failed),
    muted > 0 && plural('{count} person wants none|{count} people want none', muted),
  ].filter(Boolean);
  return (
    <div data-testid="mailing-progress">
      <progress className="em-progress" max={Math.max(1, mails)} value={sent + failed} aria-label={t('How far it has come')} />
      <div className="em-small em-number">{parts.join(' · ')}</div>
    </div>
  );
}
