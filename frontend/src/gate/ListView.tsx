import { useState } from 'react';
import { Busy } from '../components/Busy';
import { ProblemNote } from '../components/States';
import { formatInstant } from '../time/format';
import type { Gate, GateState } from './gate';
import { useOfflinePage } from './useOfflinePage';
import { plural, rich, t } from '../language/text';

/** What this device has for the hour without a network, and how old it is. */
export function ListView({ gate, state }: { gate: Gate; state: GateState }) {
  const { list, fetchedAt, progress, listProblem } = state;
  const page = useOfflinePage();
  const [asked, setAsked] = useState(false);
  const refresh = (): void => {
    setAsked(true);
    void gate.catchUp().finally(() => setAsked(false));
  };
  return (
    <section className="em-card em-stack" aria-labelledby="offline-heading">
      <h2 id="offline-heading" className="mb-0">{t('Without a network')}</h2>
      <ProblemNote problem={listProblem} />
      <div role="status" className="em-stack-s" data-testid="gate-list">
        {list
          ? <div>{plural('{count} ticket on this device, as of {at}.|{count} tickets on this device, as of {at}.', list.size, { at: formatInstant(fetchedAt ?? 0) })}</div>
          : progress === null && <div>{t('The list of tickets is not on this device yet.')}</div>}
        {state.isVolatile && <div>{t('This browser keeps nothing: leave this page open until everything is synced.')}</div>}
        <div>{page.isKept ? t('This page opens without a network.') : t('This page has to stay open: the browser doesn’t keep it.')}</div>
      </div>
      {progress !== null && <ProgressView received={progress.received} total={progress.total} />}
      {page.update && (
        <p className="em-note mb-0">
          {rich('There is a newer version of this page. {button}', { button: <button type="button" className="btn btn-sm btn-outline-secondary" onClick={page.update}>{t('Take it now')}</button> })}
        </p>
      )}
      <div><Busy pending={asked} className="btn btn-sm btn-outline-secondary" onClick={refresh}>{t('Fetch the list now')}</Busy></div>
    </section>
  );
}

function ProgressView({ received, total }: { received: number; total: number | null }) {
  const size = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`;
  return (
    <div>
      <label className="em-small" htmlFor="list-progress">
        {t('Fetching the list: {received}', { received: total === null ? size(received) : t('{received} of {total}', { received: size(received), total: size(total) }) })}
      </label>
      <progress id="list-progress" className="em-progress" {...(total === null ? {} : { value: received, max: total })} />
    </div>
  );
}
