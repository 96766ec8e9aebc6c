import { useEffect, useState } from 'react';

/** How far this computer's clock is behind the server's, in milliseconds. */
let offset = 0;
/** Answers travel, and the Date header has whole seconds: what is less than this isn't a wrong clock. */
const tolerance = 5_000;
const longestTimer = 3_600_000;

/** Takes the `Date` header of an answer that came just now. */
export function noteServerDate(header: string | null): void {
  const told = Date.parse(header ?? '');
  if (Number.isNaN(told)) return;
  const difference = told - Date.now();
  offset = Math.abs(difference) < tolerance ? 0 : difference;
}

/** Now, as the server sees it: registration opens and closes by its clock. */
export function serverNow(): number {
  return Date.now() + offset;
}

/** Now, said anew when one of the moments is reached, so that a page that stays open changes by itself. */
export function useNow(...moments: (string | null)[]): number {
  const [now, setNow] = useState(serverNow);
  const next = Math.min(...moments.map((moment) => Date.parse(moment ?? '')).filter((moment) => moment > now));
  useEffect(() => {
    if (!Number.isFinite(next)) return undefined;
    const timer = setTimeout(() => setNow(serverNow()), Math.max(250, Math.min(longestTimer, next - serverNow() + 250)));
    return () => clearTimeout(timer);
  }, [next, now]);
  return now;
}
