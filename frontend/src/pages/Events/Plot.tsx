import { useEffect, useId, useRef, useState, useSyncExternalStore } from 'react';
import { dateFormat } from '../../language/formats';
import { CrashBoundary } from '../../components/CrashBoundary';
import { plural, t } from '../../language/text';
import { serverNow } from '../../time/serverClock';
import type { Bars } from './chart';
import { timeBars } from './timeBars';

interface Props {
  title: string;
  hours: { at: string; count: number }[];
  /** Time goes on until then, or now if that is sooner. */
  until: string;
}

/** How something went over time: bars for each stretch, a line for all so far. Said in words, too. */
export function Plot({ title, hours, until }: Props) {
  const headingId = useId();
  const { step, bars } = timeBars(hours, Math.min(serverNow(), Date.parse(until)));
  const label = labels(step);
  const total = bars[bars.length - 1]?.total ?? 0;
  const most = bars.reduce((best, bar) => (bar.count > best.count ? bar : best), { from: 0, count: 0, total: 0 });
  return (
    <section className="em-card" aria-labelledby={headingId}>
      <h3 id={headingId}>{title}</h3>
      <p className="em-small em-soft mb-2" data-testid="plot-summary">
        {total === 0 ? t('None yet.') : plural('{count} so far, most of them from {at}.|{count} so far, most of them from {at}.', total, { at: label(most.from) })}
      </p>
      <CrashBoundary fallback={null}><Canvas bars={{
        labels: bars.map((bar) => label(bar.from)), counts: bars.map((bar) => bar.count), totals: bars.map((bar) => bar.total),
        countLabel: title, totalLabel: t('Together'),
      }} /></CrashBoundary>
    </section>
  );
}

function labels(step: number): (moment: number) => string {
  const options: Intl.DateTimeFormatOptions = step < 86_400_000
    ? { weekday: 'short', hour: 'numeric', minute: '2-digit' }
    : { day: 'numeric', month: 'short' };
  const format = dateFormat(options);
  return (moment) => format.format(moment);
}

type Drawing = ReturnType<(typeof import('./chart'))['drawBars']>;

/** The text above says what matters: readers of screens pass the picture by. */
function Canvas({ bars }: { bars: Bars }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const drawing = useRef<Drawing>();
  const latest = useRef(bars);
  latest.current = bars;
  const [failed, setFailed] = useState(false);
  const dark = useSyncExternalStore(watchScheme, isDark);
  useEffect(() => {
    let gone = false;
    import('./chart').then(({ drawBars }) => {
      if (gone || canvas.current === null) return;
      drawing.current = drawBars(canvas.current, latest.current);
    }, () => setFailed(true));
    return () => {
      gone = true;
      drawing.current?.remove();
      drawing.current = undefined;
    };
  }, [dark]);
  const shown = JSON.stringify(bars);
  useEffect(() => drawing.current?.show(latest.current), [shown]);
  if (failed) return null;
  return <div className="em-plot"><canvas ref={canvas} aria-hidden="true" /></div>;
}

const scheme = matchMedia('(prefers-color-scheme: dark)');

function isDark(): boolean {
  return scheme.matches;
}

function watchScheme(changed: () => void): () => void {
  scheme.addEventListener('change', changed);
  return () => scheme.removeEventListener('change', changed);
}
