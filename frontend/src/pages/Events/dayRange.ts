import type { Text } from '../../language/text';

/** Which days of the reader's calendar the list shows. */
export const ranges: Record<'any' | 'today' | 'week' | 'month', Text> = {
  any: 'Any time', today: 'Today', week: 'The next 7 days', month: 'The next 30 days',
};
export type Range = keyof typeof ranges;

const days: Record<Exclude<Range, 'any'>, number> = { today: 1, week: 7, month: 30 };

export function readRange(text: string | null): Range {
  return text !== null && Object.keys(ranges).includes(text) ? (text as Range) : 'any';
}

/** From the start of today to the end of the last day, on the reader's clock; the end is not part of it. */
export function timesOf(range: Range, now: Date): { from?: string; to?: string } {
  if (range === 'any') return {};
  const midnight = (ahead: number): string => new Date(now.getFullYear(), now.getMonth(), now.getDate() + ahead).toISOString();
  return { from: midnight(0), to: midnight(days[range]) };
}
