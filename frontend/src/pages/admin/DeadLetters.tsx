import { useState } from 'react';
import { admin } from '../../api/endpoints';
import { Problem } from '../../api/problem';
import { useAction } from '../../api/useAction';
import { usePages } from '../../api/usePages';
import type { DeadLetter } from '../../api/types';
import { Busy } from '../../components/Busy';
import { Confirm } from '../../components/Confirm';
import { PagedList } from '../../components/PagedList';
import { ProblemNote } from '../../components/States';
import { useRereadOnChange } from '../../live/useLive';
import { formatMoment } from '../../time/format';

/** Messages that a worker gave up on: to be sent back when the cause is gone, or thrown away. `parked`: how many there are. */
export function DeadLetters({ parked }: { parked: number }) {
  const list = usePages<DeadLetter>('dead-letters', (cursor, signal) => admin.deadLetters(cursor, signal));
  useRereadOnChange(parked, list.reload);
  const [said, setSaid] = useState('');
  const gone = (letter: DeadLetter, what: string): void => {
    setSaid(`The message of ${letter.queue} was ${what}.`);
    list.set((page) => ({ ...page, items: page.items.filter((item) => item.id !== letter.id) }));
  };
  return (
    <section aria-labelledby="letters-heading">
      <h2 id="letters-heading">Dead letters</h2>
      <div role="status">{said && <p className="em-note" data-tone="good">{said}</p>}</div>
      <PagedList of={list} empty={<p className="mb-0">None: nothing was given up.</p>}>
        {(items) => (
          <ul className="em-list" aria-label="Dead letters">
            {items.map((letter) => <li key={letter.id}><Letter letter={letter} gone={gone} /></li>)}
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
    gone(letter, 'sent back');
  });
  const discard = useAction(async () => {
    await unlessGone(admin.discard(letter.id));
    gone(letter, 'thrown away');
  });
  return (
    <article className="em-card em-stack">
      <div>
        <h3>{letter.type ?? 'A message without a type'}</h3>
        <div><span className="em-code em-small">{letter.queue}</span> gave it up: {letter.reason}{letter.lastFailure && letter.lastFailure !== letter.reason && `, ${letter.lastFailure}`}</div>
        <div className="em-small em-soft">
          {letter.attempts} {letter.attempts === 1 ? 'attempt' : 'attempts'}
          {letter.replays > 0 && `, sent back ${letter.replays === 1 ? 'once' : `${letter.replays} times`} before`}
          {letter.lastFailedAt && <>, last <time dateTime={letter.lastFailedAt}>{formatMoment(letter.lastFailedAt)}</time></>}
        </div>
      </div>
      <details>
        <summary>Message</summary>
        <pre className="em-code em-small em-payload mt-2 mb-0" tabIndex={0}>{letter.payload}{letter.isCut && '…'}</pre>
      </details>
      <ProblemNote problem={replay.problem} />
      <div className="em-row">
        <Busy pending={replay.pending} className="btn btn-sm btn-primary" onClick={() => void replay.run()}>Send back</Busy>
        <button type="button" className="btn btn-sm btn-outline-danger" onClick={() => setAsking(true)}>Throw away</button>
      </div>
      {asking && (
        <Confirm title="Throw this message away?" confirm="Yes, throw it away" dismiss="Keep it" pending={discard.pending} problem={discard.problem}
          onConfirm={() => void discard.run()} onDismiss={() => { discard.clear(); setAsking(false); }}>
          What it asked for will never happen: {letter.type ?? 'an unknown wish'} in {letter.queue}. This can’t be undone.
        </Confirm>
      )}
    </article>
  );
}

/** Somebody else may have been quicker: then it is gone all the same. */
async function unlessGone(taken: Promise<unknown>): Promise<void> {
  try {
    await taken;
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.status !== 404) throw thrown;
  }
}
