import { useState } from 'react';
import { Badge } from '../../components/Badge';
import type { Tone } from '../../components/Badge';
import { Dialog } from '../../components/Confirm';
import { number, plural, t } from '../../language/text';
import { addressesOf, decodeFile, readTable } from './csv';
import { useImport } from './useImport';
import type { Import, Line, Outcome } from './useImport';

const tones: Record<Outcome, Tone> = { confirmed: 'good', waitlisted: 'warn', known: 'plain', refused: 'bad', leftOut: 'plain' };
const largest = 5_000;

/** Adds everybody of a spreadsheet who has an account, and says of every line what became of it. */
export function ImportAttendees({ eventId, close }: { eventId: string; close: (anybodyCame: boolean) => void }) {
  const run = useImport(eventId);
  const [mistake, setMistake] = useState('');
  const read = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    const bytes = await bytesOf(file);
    if (bytes === null) return setMistake(t('This file can’t be read.'));
    // What spreadsheets keep for themselves is a ZIP archive.
    if (bytes[0] === 0x50 && bytes[1] === 0x4b) return setMistake(t('This is a spreadsheet’s own file: save it as CSV first.'));
    const read = addressesOf(readTable(decodeFile(bytes)));
    if (read.addresses.length === 0 && read.leftOut.length === 0) return setMistake(t('There is no address in this file.'));
    if (read.addresses.length > largest) return setMistake(t('These are more than {most} addresses: please split the file.', { most: largest }));
    setMistake('');
    run.start(read);
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
            <div className="form-text" id="import-hint">{t('Every email address in it is added, whichever column it is in. Each of them must have an account; all get a place, or a place in line, and their ticket by email.')}</div>
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

/** Null when it is gone meanwhile, or may not be read. */
async function bytesOf(file: File): Promise<Uint8Array | null> {
  try { return new Uint8Array(await file.arrayBuffer()); } catch { return null; }
}

function Report({ run }: { run: Import }) {
  const { lines, total } = run;
  const came = lines.filter(({ outcome }) => outcome === 'confirmed' || outcome === 'waitlisted').length;
  const count = (wanted: Outcome): number => lines.filter(({ outcome }) => outcome === wanted).length;
  const [refused, known, leftOut] = [count('refused'), count('known'), count('leftOut')];
  return (
    <>
      <div>
        <div className="em-row em-row-spread mb-1">
          <span className="em-strong" role="status">
            <span>{run.isRunning ? t('Importing…') : plural('{count} person was added.|{count} people were added.', came)}</span>
            {!run.isRunning && refused > 0 && <span>{` ${plural('{count} line was refused.|{count} lines were refused.', refused)}`}</span>}
            {!run.isRunning && known > 0 && <span>{` ${plural('{count} is registered already.|{count} are registered already.', known)}`}</span>}
            {!run.isRunning && leftOut > 0 && <span>{` ${plural('{count} line was left out.|{count} lines were left out.', leftOut)}`}</span>}
          </span>
          <span className="em-number em-soft">{t('{done} of {total}', { done: lines.length, total })}</span>
        </div>
        <progress className="em-progress" max={total} value={lines.length} aria-label={t('Importing…')} />
      </div>
      <ul className="em-report" aria-label={t('Line by line')} tabIndex={0}>
        {sorted(lines).map((line, index) => (
          <li key={index}>
            <span className="em-soft em-number">{number(line.line)}</span>
            <bdi className="text-break">{line.email}</bdi>
            {line.outcome !== 'confirmed' && line.outcome !== 'waitlisted' ? <span className="em-report-reason" data-outcome={line.outcome}>{line.words}</span> : <Badge tone={tones[line.outcome]}>{line.words}</Badge>}
          </li>
        ))}
      </ul>
    </>
  );
}

/** What needs a hand comes first; the rest as it stands in the file, the newest on top. */
function sorted(lines: Line[]): Line[] {
  const weight = ({ outcome }: Line): number => (outcome === 'refused' ? 0 : outcome === 'leftOut' ? 2 : 1);
  return [...lines].reverse().sort((one, other) => weight(one) - weight(other));
}
