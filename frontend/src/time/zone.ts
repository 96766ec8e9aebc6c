// Between a moment (UTC) and what a clock on a wall in some zone shows. The zone rules are the browser's own (Intl),
// which throws at a zone that it doesn't know: one may be newer than the browser, and a browser may call its own by no
// name at all. So every zone passes through `usable` before it is shown or reckoned with.

const formats = new Map<string, Intl.DateTimeFormat>();
const names = new Map<string, string | null>();

/** Spellings of before for zones that were renamed since 2020: what a browser of before knows them by. */
const formerly: Record<string, string | undefined> = {
  'America/Nuuk': 'America/Godthab', 'Europe/Kyiv': 'Europe/Kiev', 'Pacific/Kanton': 'Pacific/Enderbury',
};

/** The name under which this browser knows a zone; null when it doesn't. */
export function usable(zone: string): string | null {
  let name = names.get(zone);
  if (name === undefined) {
    name = [zone, formerly[zone]].find((one): one is string => isKnown(one)) ?? null;
    names.set(zone, name);
  }
  return name;
}

function isKnown(zone: string | undefined): boolean {
  // Without a name Intl would take the machine's own.
  if (typeof zone !== 'string' || zone === '') return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/**
 * The zone in which its times are shown here: UTC for one that this browser doesn't know. Where that is so it is said.
 */
export function shownZone(zone: string): string {
  return usable(zone) ?? 'UTC';
}

/** The zone's distance from UTC at that moment, in milliseconds; east is positive. */
function offsetAt(moment: number, zone: string): number {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US-u-ca-iso8601', {
      timeZone: shownZone(zone), hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric',
      hour: 'numeric', minute: 'numeric', second: 'numeric',
    });
    formats.set(zone, format);
  }
  const part: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(moment)) part[type] = value;
  const wall = Date.UTC(
    Number(part.year), Number(part.month) - 1, Number(part.day),
    Number(part.hour), Number(part.minute), Number(part.second),
  );
  return wall - Math.floor(moment / 1000) * 1000;
}

export interface ResolvedTime {
  /** RFC 3339, UTC. */
  utc: string;
  /** `skipped`: no clock in the zone ever shows this (summer time begins); `utc` is then as far after the jump.
   * `repeated`: clocks show it twice (summer time ends); `utc` is the first. */
  kind: 'unique' | 'skipped' | 'repeated';
}

/** The moment at which clocks in `zone` show `local` ("2026-03-29T02:30", as datetime-local inputs say it). */
export function resolveLocalTime(local: string, zone: string): ResolvedTime | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?$/.test(local)) return null;
  const wall = Date.parse(`${local}Z`);
  if (Number.isNaN(wall)) return null;
  // Whatever the zone does around that time, it is one of the offsets in force a day before and a day after.
  const before = offsetAt(wall - 86_400_000, zone);
  const after = offsetAt(wall + 86_400_000, zone);
  const moments = [...new Set([wall - before, wall - after])]
    .filter((moment) => moment + offsetAt(moment, zone) === wall)
    .sort((a, b) => a - b);
  const [first] = moments;
  if (first === undefined) return { utc: new Date(wall - before).toISOString(), kind: 'skipped' };
  return { utc: new Date(first).toISOString(), kind: moments.length > 1 ? 'repeated' : 'unique' };
}

/** What clocks in `zone` show at `utc`, for a datetime-local input: "2026-03-29T03:30"; nothing for what is no time. */
export function localTime(utc: string, zone: string): string {
  const moment = Date.parse(utc);
  if (Number.isNaN(moment)) return '';
  return new Date(moment + offsetAt(moment, zone)).toISOString().slice(0, 16);
}

/** The reader's own zone; null when the browser has no name for it that it knows itself ("Etc/Unknown", or nothing). */
export function browserZone(): string | null {
  try {
    return usable(Intl.DateTimeFormat().resolvedOptions().timeZone);
  } catch {
    return null;
  }
}

/** Every zone that this browser knows, and those that must be in the list even if it calls them otherwise. */
export function knownZones(...always: string[]): string[] {
  let known: string[] = [];
  try { known = Intl.supportedValuesOf('timeZone'); } catch { /* not in every browser: then those that must be there */ }
  return [...new Set([...known, 'UTC', ...always])].sort();
}

/** Whether the two zones show the same time at that moment. */
export function sameTimeAt(utc: string, zone: string, other: string): boolean {
  const moment = Date.parse(utc);
  return Number.isNaN(moment) || offsetAt(moment, zone) === offsetAt(moment, other);
}
