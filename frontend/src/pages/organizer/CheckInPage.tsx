import { useRef, useState } from 'react';
import { events } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import type { CheckInAnswer, Event } from '../../api/types';
import { Busy } from '../../components/Busy';
import { TextField } from '../../components/Field';
import { fieldErrors, Form } from '../../components/Form';
import { newId } from '../../identity/newId';
import { CheckInResultView, resultWords } from './CheckInResultView';
import { deviceName, readGate, writeGate } from './gateMemory';
import { ManagedEvent } from './ManagedEvent';

export function CheckInPage({ id = '' }: { id?: string }) {
  return <ManagedEvent id={id} section="Check-in">{(event) => <CheckIn event={event} />}</ManagedEvent>;
}

interface Scan {
  id: string;
  code: string;
  answer: CheckInAnswer;
}

const shownScans = 8;

/** Made for one hand and no mouse: type or scan, Enter, read the answer, type the next. */
function CheckIn({ event }: { event: Event }) {
  const [code, setCode] = useState('');
  const [gate, setGate] = useState(readGate);
  const [scans, setScans] = useState<Scan[]>([]);
  const [empty, setEmpty] = useState(false);
  const page = useRef<HTMLDivElement>(null);
  // A scan keeps its id and its time while its answer is unknown, so that sending it again isn't a second scan.
  const unsettled = useRef<Parameters<typeof events.checkIn>[1] | null>(null);
  const check = useAction(async (typed: string) => {
    if (unsettled.current?.code !== typed) {
      unsettled.current = {
        code: typed, gate: gate.trim() || undefined, device: deviceName(), scanId: newId(), scannedAt: new Date().toISOString(),
      };
    }
    const scan = unsettled.current;
    const answer = await events.checkIn(event.id, scan);
    unsettled.current = null;
    setScans((before) => [{ id: scan.scanId, code: typed, answer }, ...before].slice(0, shownScans));
    setCode('');
    page.current?.querySelector<HTMLInputElement>('[name="code"]')?.focus();
  });
  const submit = (): void => {
    const typed = code.trim();
    setEmpty(!typed);
    if (typed) void check.run(typed);
  };
  const [latest, ...earlier] = scans;
  const errors = empty ? { code: 'Type the code of a ticket.' } : fieldErrors(check.problem);

  return (
    <div className="em-two" ref={page}>
      <div className="em-stack">
        <Form name="Check in" problem={check.problem} onSubmit={submit} className="em-card em-stack">
          <TextField label="Ticket code" name="code" value={code} error={errors.code} className="form-control-lg em-code"
            autoComplete="off" autoCapitalize="characters" autoCorrect="off" spellCheck={false} enterKeyHint="go"
            onChange={(change) => setCode(change.target.value)} />
          <Busy type="submit" pending={check.pending} className="btn btn-primary btn-lg">Check in</Busy>
        </Form>
        <CheckInResultView scanId={latest?.id} answer={latest?.answer} />
      </div>
      <div className="em-stack">
        <div className="em-card">
          <TextField label="Gate" name="gate" value={gate} maxLength={100} hint="Where you stand; it is noted with every scan."
            onChange={(change) => { setGate(change.target.value); writeGate(change.target.value); }} />
        </div>
        <section className="em-card" aria-labelledby="earlier-heading">
          <h2 id="earlier-heading">Before that</h2>
          {earlier.length === 0 ? <p className="em-soft mb-0">The scans of this page will be listed here.</p> : (
            <ul className="em-list">
              {earlier.map((scan) => (
                <li key={scan.id}>
                  <span className="em-strong">{resultWords[scan.answer.result].word}</span>{' '}
                  <span className="em-soft">{scan.answer.attendee?.displayName ?? scan.code}</span>
                </li>
              ))}
            </ul>
          )}
        </section>
      </div>
    </div>
  );
}
