/** How many there were in each stretch of time, and how many by its end. */
export interface TimeBars {
  /** Milliseconds that each bar stands for. */
  step: number;
  bars: { from: number; count: number; total: number }[];
}

const hour = 3_600_000;
const steps = [1, 3, 6, 12, 24, 72, 168, 720].map((hours) => hours * hour);

/** Counts of hours (those with none are not told) as bars without gaps, up to `until` and at most `most`. */
export function timeBars(hours: { at: string; count: number }[], until: number, most = 36): TimeBars {
  const told = hours.map(({ at, count }) => ({ at: Date.parse(at), count })).filter(({ at }) => Number.isFinite(at));
  if (told.length === 0) return { step: hour, bars: [] };
  const first = Math.min(...told.map(({ at }) => at));
  const last = Math.max(Number.isFinite(until) ? until : first, ...told.map(({ at }) => at));
  const number = (step: number): number => Math.floor(last / step) - Math.floor(first / step) + 1;
  const step = steps.find((one) => number(one) <= most) ?? Math.ceil((last - first + 1) / most / hour) * hour;
  const start = Math.floor(first / step) * step;
  const bars = Array.from({ length: number(step) }, (_, index) => ({ from: start + index * step, count: 0, total: 0 }));
  for (const { at, count } of told) {
    const bar = bars[Math.floor((at - start) / step)];
    if (bar) bar.count += count;
  }
  let total = 0;
  for (const bar of bars) bar.total = total += bar.count;
  return { step, bars };
}
