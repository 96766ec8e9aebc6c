import { Contained } from '../components/Contained';
import { formatMoment } from '../time/format';
import type { Gate } from './gate';
import { placeOf, resultWords } from './resultWords';
import type { KeptScan } from './store';
import { has, plural, t } from '../language/text';

/** Guests who were let in here without the server, and whose ticket it knew otherwise. */
export function ConflictsView({ gate, conflicts }: { gate: Gate; conflicts: KeptScan[] }) {
  if (conflicts.length === 0) return null;
  return (
    <section className="em-note em-stack-s" data-tone="warn" aria-labelledby="conflicts-heading" data-testid="gate-conflicts">
      <h2 id="conflicts-heading" className="mb-0">{plural('{count} conflict|{count} conflicts', conflicts.length)}</h2>
      <ul className="em-list">
        {conflicts.map((scan) => (
          <li key={scan.scanId}>
            <Contained>
              {() => (
                <>
                  <div className="em-strong" dir="auto">{scan.name ?? t('A ticket that was not on the list')}</div>
                  <div>{t('Admitted here: {at}.', { at: formatMoment(scan.scannedAt) + placeOf(scan) })}</div>
                  <div>{elsewhere(scan)}</div>
                </>
              )}
            </Contained>
            <button type="button" className="btn btn-sm btn-outline-secondary mt-1" onClick={() => void gate.dismiss(scan.scanId)}>
              {t('Noted')}<span className="visually-hidden"> {scan.name ?? scan.code}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function elsewhere({ conflict }: KeptScan): string {
  if (conflict?.other) return t('The same ticket elsewhere: {at}.', { at: formatMoment(conflict.other.at) + placeOf(conflict.other) });
  const result = conflict?.result as keyof typeof resultWords | undefined;
  return t(result && has(resultWords, result) ? resultWords[result].meaning : 'The server knew this ticket otherwise.');
}
