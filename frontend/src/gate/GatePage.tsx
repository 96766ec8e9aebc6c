import { useEffect, useRef, useState } from 'react';
import { Busy } from '../components/Busy';
import { Dialog } from '../components/Confirm';
import { TextField } from '../components/Field';
import { Form } from '../components/Form';
import { SignInForm } from '../pages/Accounts/SignInForm';
import { When } from '../components/When';
import { CameraView } from './CameraView';
import { ConflictsView } from './ConflictsView';
import type { Gate, GateState } from './gate';
import { readGate, writeGate } from './gateMemory';
import { ListView } from './ListView';
import { ModeView } from './ModeView';
import { ResultView } from './ResultView';
import { resultWord } from './resultWords';
import { isMuted, setMuted, signal, wakeSound } from './signals';
import { useGate } from './useGate';
import { useScannerKeys } from './useScannerKeys';
import { t } from '../language/text';

/** Made for one hand, in the dark, without a network: scan or type, read the answer, take the next. */
export function GatePage({ eventId }: { eventId: string }) {
  const { gate, state } = useGate(eventId);
  const [latest, ...earlier] = state.scans;
  const title = state.list?.manifest.title ?? 'Check-in';
  useEffect(() => { document.title = `Gate: ${title} · EM-Connect`; }, [title]);
  useSignals(latest?.id, latest?.answer.result === 'admitted');
  return (
    <>
      <div className="em-gate-head">
        <div>
          <h1 dir="auto">{title}</h1>
          {state.list && <div className="em-soft em-small"><When event={state.list.manifest} /></div>}
        </div>
        <ModeView state={state} />
      </div>
      {state.link === 'signedOut' && <SignedOut />}
      <div className="em-two">
        <div className="em-stack">
          <ResultView scan={latest} />
          <CameraView onCode={(text) => void gate.scan(text)} />
          <CodeForm gate={gate} state={state} />
          <ConflictsView gate={gate} conflicts={state.conflicts} />
        </div>
        <div className="em-stack">
          <Place />
          <section className="em-card" aria-labelledby="earlier-heading">
            <h2 id="earlier-heading">{t('Before that')}</h2>
            {earlier.length === 0 ? <p className="em-soft mb-0">{t('The scans of this page will be listed here.')}</p> : (
              <ul className="em-list">
                {earlier.map((scan) => (
                  <li key={scan.id}>
                    <span className="em-strong">{resultWord(scan.answer.result)}</span>{' '}
                    <span className="em-soft" dir="auto">{scan.answer.attendee?.displayName ?? brief(scan.code)}</span>
                  </li>
                ))}
              </ul>
            )}
          </section>
          <ListView gate={gate} state={state} />
        </div>
      </div>
    </>
  );
}

/** For typed codes and for scanners that type: every key goes to the field, wherever the focus was left. */
function CodeForm({ gate, state }: { gate: Gate; state: GateState }) {
  const [code, setCode] = useState('');
  const [isEmpty, setIsEmpty] = useState(false);
  const form = useRef<HTMLDivElement>(null);
  const field = (): HTMLInputElement | null => form.current?.querySelector<HTMLInputElement>('[name="code"]') ?? null;
  useScannerKeys(field);
  const submit = (): void => {
    const typed = code.trim();
    setIsEmpty(!typed);
    if (!typed) return;
    setCode('');
    field()?.focus();
    void gate.scan(typed);
  };
  return (
    <div ref={form}>
      <Form mayBeLeft name={t('Check in')} problem={state.scanProblem} onSubmit={submit} className="em-card em-stack">
        <TextField label={t('Ticket code')} name="code" value={code} error={isEmpty ? t('Type the code of a ticket.') : undefined}
          className="form-control-lg em-code" autoComplete="off" autoCapitalize="characters" autoCorrect="off" spellCheck={false}
          enterKeyHint="go" onChange={(change) => setCode(change.target.value)} />
        <Busy type="submit" pending={false} className="btn btn-primary btn-lg">{t('Check in')}</Busy>
      </Form>
    </div>
  );
}

function Place() {
  const [gate, setGate] = useState(readGate);
  const [muted, mute] = useState(isMuted);
  return (
    <div className="em-card em-stack">
      <TextField label={t('Gate')} name="gate" value={gate} maxLength={100} hint={t('Where you stand; it is noted with every scan.')}
        onKeyDown={(event) => { if (event.key === 'Enter') event.currentTarget.blur(); }}
        onChange={(change) => { setGate(change.target.value); writeGate(change.target.value); }} />
      <button type="button" className="btn btn-sm btn-outline-secondary align-self-start" aria-pressed={!muted}
        onClick={() => { setMuted(!muted); mute(!muted); }}>{muted ? t('Sound off') : t('Sound on')}</button>
    </div>
  );
}

function SignedOut() {
  const [asking, setAsking] = useState(false);
  return (
    <div className="em-note em-row em-row-spread mb-4" data-tone="warn" role="alert">
      <span>{t('You are signed out. What is on this device goes on working; the server hears of it when you sign in.')}</span>
      <button type="button" className="btn btn-primary" onClick={() => setAsking(true)}>{t('Sign in')}</button>
      {asking && (
        <Dialog title={t('Sign in')} onClose={() => setAsking(false)}>
          <SignInForm onDone={() => setAsking(false)} />
        </Dialog>
      )}
    </div>
  );
}

function useSignals(scanId: string | undefined, good: boolean): void {
  const heard = useRef(scanId);
  useEffect(() => {
    const wake = (): void => wakeSound();
    window.addEventListener('pointerdown', wake);
    window.addEventListener('keydown', wake);
    return () => {
      window.removeEventListener('pointerdown', wake);
      window.removeEventListener('keydown', wake);
    };
  }, []);
  useEffect(() => {
    if (scanId === heard.current) return;
    heard.current = scanId;
    signal(good);
  }, [scanId, good]);
}

/** A ticket's text is of use to nobody's eyes. */
function brief(code: string): string {
  return code.length > 20 ? `${code.slice(0, 12)}…` : code;
}
