import type { CheckInAnswer } from '../api/types';
import { formatMoment } from '../time/format';
import type { ShownScan } from './gate';
import { placeOf, resultWords } from './resultWords';
import { has, t } from '../language/text';

/** The answer, readable at arm's length. It is made anew for every scan, so that the same answer twice is heard twice. */
export function ResultView({ scan }: { scan?: ShownScan }) {
  const answer = scan?.answer;
  return (
    <div className="em-result" data-good={answer ? answer.result === 'admitted' : undefined} data-testid="check-in-result"
      data-scan={scan?.id} data-result={answer?.result} data-offline={scan?.isOffline} data-milliseconds={scan?.milliseconds.toFixed(2)}
      role="status" aria-live="assertive" aria-atomic="true">
      {scan && answer ? <div key={scan.id}><Words answer={answer} /></div> : <div>{t('The result of a scan will stand here.')}</div>}
    </div>
  );
}

function Words({ answer }: { answer: CheckInAnswer }) {
  const said = has(resultWords, answer.result) ? resultWords[answer.result] : resultWords.unknown;
  const first = answer.result === 'duplicate' ? answer.firstScan : null;
  return (
    <>
      <div className="em-result-word"><Sign good={answer.result === 'admitted'} /><span>{t(said.word)}</span></div>
      {answer.attendee && <div className="em-result-name" dir="auto">{answer.attendee.displayName}</div>}
      <div>{t(said.meaning)}</div>
      {first && <div className="em-strong">{t('First scan: {at}', { at: formatMoment(first.at) + placeOf(first) })}</div>}
    </>
  );
}

/** The colour isn't all that tells yes from no. */
function Sign({ good }: { good: boolean }) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" className="em-result-sign">
      <path d={good ? 'M4 13l5 5L20 6' : 'M5 5l14 14M19 5L5 19'} fill="none" stroke="currentColor" strokeWidth="4" />
    </svg>
  );
}
