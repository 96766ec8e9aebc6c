import { useEffect, useRef, useState } from 'react';
import { admin } from '../../api/endpoints';
import { Problem } from '../../api/problem';
import { useAction } from '../../api/useAction';
import { usePages } from '../../api/usePages';
import type { DeadLetter } from '../../api/types';
import { Busy } from '../../components/Busy';
import { Confirm } from '../../components/Confirm';
import { Contained } from '../../components/Contained';
import { PagedList } from '../../components/PagedList';
import { ProblemNote } from '../../components/States';
import { useRereadOnChange } from '../../live/useLive';
import { formatMoment } from '../../time/format';
import { plural, rich, t } from '../../language/text';
import { reasonText } from './deadLetterWords';

/** Messages that a worker gave up on: to be sent back when the cause is gone, or thrown away. `parked`: how many there were at `at`. */
export function DeadLetters({ parked, at }: { parked: number; at: string | undefined }) {
  const list = usePages<DeadLetter>('dead-letters', (cursor, signal) => admin.deadLetters(cursor, signal));
  useRereadOnChange(parked, list.reload);
  // One that was sent back and is here again leaves their number as it was: what is shown must agree with it.
  const differs = useRef(false);
  differs.current = list.items !== undefined && !list.pending && list.loadMore === null && list.items.length !== parked;
  const { reload } = list;
  useEffect(() => { if (differs.current) reload(); }, [at, reload]);
  const [said, setSaid] = useState('');
  const gone = (letter: DeadLetter, what: string): void => {
    setSaid(what);
    list.set((page) => ({ ...page, items: page.items.filter((item) => item.id !== letter.id) }));
  };
  return (
    <section aria-labelledby="letters-heading">
      <h2 id="letters-heading">{t('Dead letters')}</h2>
      <div role="status">{said && <p className="em-note" data-tone="good">{said}</p>}</div>
      <PagedList of={list} empty={<p className="mb-0">{t('None: nothing was given up.')}</p>}>
        {(items) => (
          <ul className="em-list" aria-label={t('Dead letters')}>
            {items.map((letter) => <li key={letter.id}><Contained>{() => <Letter letter={letter} gone={gone} />}</Contained></li>)}
          </ul>
        )}
      </PagedList>
    </section>
  );
}

function Letter({ letter, gone }: { letter: DeadLetter; gone: (letter: DeadLetter, what: string) => void }) {
  const [asking, setAsking] = useState(false);
  const replay = useAction(async () => {
    await unlessGone(admin.replay(letter.id));
    gone(letter, t('The message of {queue} was sent back.', { queue: letter.queue }));
  });
  const discard = useAction(async () => {
    await unlessGone(admin.discard(letter.id));
    gone(letter, t('The message of {queue} was thrown away.', { queue: letter.queue }));
  });
  return (
    <article className="em-card em-stack">
      <div>
        <h3>{letter.type ?? t('A message without a type')}</h3>
        <div>{rich('{queue} gave it up: {reason}', {
          queue: <span className="em-code em-small">{letter.queue}</span>,
          reason: <Reasons of={letter} />,
        })}</div>
        <div className="em-small em-soft">
          <span>{plural('{count} attempt|{count} attempts', letter.attempts)}</span>
          {letter.replays > 0 && <span>{`, ${plural('sent back once before|sent back {count} times before', letter.replays)}`}</span>}
          {letter.lastFailedAt && (
            <span>
              <span>, </span>
              {rich('last {at}', { at: <time dateTime={letter.lastFailedAt}>{formatMoment(letter.lastFailedAt)}</time> })}
            </span>
          )}
        </div>
      </div>
      <details>
        <summary>{t('Message')}</summary>
        <pre className="em-code em-small em-payload mt-2 mb-0" tabIndex={0}>{letter.isCut ? `${letter.payload}…` : letter.payload}</pre>
      </details>
      <ProblemNote problem={replay.problem} />
      <div className="em-row">
        <Busy pending={replay.pending} className="btn btn-sm btn-primary" onClick={() => void replay.run()}>{t('Send back')}</Busy>
        <button type="button" className="btn btn-sm btn-outline-danger" onClick={() => setAsking(true)}>{t('Throw away')}</button>
      </div>
      {asking && (
        <Confirm title={t('Throw this message away?')} confirm={t('Yes, throw it away')} dismiss={t('Keep it')} pending={discard.pending} problem={discard.problem}
          onConfirm={() => void discard.run()} onDismiss={() => { discard.clear(); setAsking(false); }}>
          {t('What it asked for will never happen: {what} in {queue}. This can’t be undone.', { what: letter.type ?? t('an unknown wish'), queue: letter.queue })}
        </Confirm>
      )}
    </article>
  );
}

/** In words, and as the services' logs have it. */
function Reasons({ of: { reason, lastFailure } }: { of: DeadLetter }) {
  const codes = [...new Set(lastFailure === null ? [reason] : [reason, lastFailure])];
  const words = new Set(codes.map(reasonText).filter((text) => text !== null));
  return <span><span>{[...words].join(', ')}</span> <span className="em-code em-small em-soft">{codes.join(', ')}</span></span>;
}

/** Somebody else may have been quicker: then it is gone all the same. */
async function unlessGone(taken: Promise<unknown>): Promise<void> {
  try {
    await taken;
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.status !== 404) throw thrown;
  }
}
