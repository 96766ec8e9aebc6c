import { useState } from 'react';
import { Badge } from '../../components/Badge';
import type { Tone } from '../../components/Badge';
import { Dialog } from '../../components/Confirm';
import { number, plural, t } from '../../language/text';
import { addressesOf, readTable } from './csv';
import { useImport } from './useImport';
import type { Import, Line, Outcome } from './useImport';

const tones: Record<Outcome, Tone> = { confirmed: 'good', waitlisted: 'warn', known: 'plain', refused: 'bad' };
const largest = 5_000;

/** Adds everybody of a spreadsheet who has an account, and says of every line what became of it. */
export function ImportAttendees({ eventId, close }: { eventId: string; close: (anybodyCame: boolean) => void }) {
  const run = useImport(eventId);
  const [mistake, setMistake] = useState('');
  const read = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    const addresses = addressesOf(readTable(await file.text()));
    if (addresses.length === 0) setMistake(t('There is no address in this file.'));
    else if (addresses.length > largest) setMistake(t('These are more than {most} addresses: please split the file.', { most: largest }));
    else {
      setMistake('');
      run.start(addresses);
    }
  };
  const leave = (): void => {
    run.stop();
    close(run.lines.some(({ outcome }) => outcome === 'confirmed' || outcome === 'waitlisted'));
  };
  return (
    <Dialog title={t('Import attendees')} onClose={leave}>
      <div className="em-stack">
        {run.total === 0 ? (
          <div>
            <label className="form-label" htmlFor="import-file">{t('CSV file')}</label>
            <input id="import-file" className={`form-control ${mistake ? 'is-invalid' : ''}`} type="file" accept=".csv,.txt,.tsv,text/csv,text/plain"
              aria-describedby="import-hint" aria-invalid={mistake ? true : undefined} onChange={(event) => void read(event.target.files?.[0])} />
            <div className="form-text" id="import-hint">{t('With a column of email addresses. Each of them must have an account; all get a place, or a place in line, and their ticket by email.')}</div>
            {mistake && <div className="invalid-feedback" role="alert">{mistake}</div>}
          </div>
        ) : <Report run={run} />}
        <div className="em-dialog-actions mt-0">
          {run.isRunning && <button type="button" className="btn btn-outline-danger" onClick={run.stop}>{t('Stop')}</button>}
          {!run.isRunning && <button type="button" className="btn btn-primary" onClick={leave}>{run.total === 0 ? t('Back') : t('Done')}</button>}
        </div>
      </div>
    </Dialog>
  );
}

function Report({ run }: { run: Import }) {
  const { lines, total } = run;
  const came = lines.filter(({ outcome }) => outcome === 'confirmed' || outcome === 'waitlisted').length;
  const refused = lines.filter(({ outcome }) => outcome === 'refused').length;
  return (
    <>
      <div>
        <div className="em-row em-row-spread mb-1">
          <span className="em-strong" role="status">
            <span>{run.isRunning ? t('Importing…') : plural('{count} person was added.|{count} people were added.', came)}</span>
            {!run.isRunning && refused > 0 && <span>{` ${plural('{count} line was refused.|{count} lines were refused.', refused)}`}</span>}
          </span>
          <span className="em-number em-soft">{t('{done} of {total}', { done: lines.length, total })}</span>
        </div>
        <progress className="em-progress" max={total} value={lines.length} aria-label={t('Importing…')} />
      </div>
      <ul className="em-report" aria-label={t('Line by line')} tabIndex={0}>
        {sorted(lines).map((line) => (
          <li key={line.line}>
            <span className="em-soft em-number">{number(line.line)}</span>
            <span className="text-break">{line.email}</span>
            {line.outcome === 'refused' || line.outcome === 'known' ? <span className="em-report-reason" data-outcome={line.outcome}>{line.words}</span> : <Badge tone={tones[line.outcome]}>{line.words}</Badge>}
          </li>
        ))}
      </ul>
    </>
  );
}

/** What needs a hand comes first; the rest as it stands in the file, the newest on top. */
function sorted(lines: Line[]): Line[] {
  const weight = ({ outcome }: Line): number => (outcome === 'refused' ? 0 : 1);
  return [...lines].reverse().sort((one, other) => weight(one) - weight(other));
}
