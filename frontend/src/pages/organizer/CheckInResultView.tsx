import type { CheckInAnswer, CheckInResult } from '../../api/types';
import type { Tone } from '../../components/Badge';
import { formatMoment } from '../../time/format';

export const resultWords: Record<CheckInResult, { word: string; tone: Tone; meaning: string }> = {
  admitted: { word: 'Admitted', tone: 'good', meaning: 'Welcome in.' },
  duplicate: { word: 'Duplicate', tone: 'warn', meaning: 'This ticket was used before.' },
  revoked: { word: 'Revoked', tone: 'bad', meaning: 'This ticket is no longer valid.' },
  wrongEvent: { word: 'Wrong event', tone: 'bad', meaning: 'This ticket is for another event.' },
  notYetValid: { word: 'Not yet', tone: 'warn', meaning: 'Check-in has not opened.' },
  unknown: { word: 'Unknown', tone: 'bad', meaning: 'No ticket has this code.' },
};

/** The answer, readable at arm's length. It is made anew for every scan, so that the same answer twice is heard twice. */
export function CheckInResultView({ scanId, answer }: { scanId?: string; answer?: CheckInAnswer }) {
  const said = answer ? resultWords[answer.result] : null;
  const first = answer?.result === 'duplicate' ? answer.firstScan : null;
  const place = [first?.gate, first?.device].filter(Boolean).join(', ');
  return (
    <div className="em-result" data-tone={said?.tone} data-testid="check-in-result" data-result={answer?.result}
      role="status" aria-live="assertive" aria-atomic="true">
      {said && answer ? (
        <div key={scanId}>
          <div className="em-result-word">{said.word}</div>
          {answer.attendee && <div className="fs-4">{answer.attendee.displayName}</div>}
          <div>{said.meaning}</div>
          {first && <div className="em-strong">First scan: {formatMoment(first.at)}{place && ` at ${place}`}</div>}
        </div>
      ) : <div className="em-soft">The result of a scan will stand here.</div>}
    </div>
  );
}
