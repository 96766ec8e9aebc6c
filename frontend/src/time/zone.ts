// Between a moment (UTC) and what a clock on a wall in some zone shows. The zone rules are the browser's own (Intl).

const formats = new Map<string, Intl.DateTimeFormat>();

/** The zone's distance from UTC at that moment, in milliseconds; east is positive. */
function offsetAt(moment: number, zone: string): number {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US-u-ca-iso8601', {
      timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric',
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

/** What clocks in `zone` show at `utc`, for a datetime-local input: "2026-03-29T03:30". */
export function localTime(utc: string, zone: string): string {
  const moment = Date.parse(utc);
  return new Date(moment + offsetAt(moment, zone)).toISOString().slice(0, 16);
}

export function browserZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

/** Every zone that this browser knows, and those that must be in the list even if it calls them otherwise. */
export function knownZones(...always: string[]): string[] {
  return [...new Set([...Intl.supportedValuesOf('timeZone'), 'UTC', ...always])].sort();
}

/** Whether the two zones show the same time at that moment. */
export function sameTimeAt(utc: string, zone: string, other: string): boolean {
  const moment = Date.parse(utc);
  return offsetAt(moment, zone) === offsetAt(moment, other);
}
