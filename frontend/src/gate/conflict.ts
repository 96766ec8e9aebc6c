import type { BatchResult } from '../api/types';

export interface Conflict {
  /** What the server made of a scan that let somebody in here. */
  result: string;
  /** The other scan of the same ticket, if that is why. */
  other: { at: string; gate: string | null; device: string | null } | null;
}

/** What to tell about a scan that let somebody in, by what the server made of it; null when both agree. */
export function conflictOf(told: BatchResult): Conflict | null {
  if (told.conflict) return { result: told.result, other: told.conflict };
  return told.result === 'admitted' ? null : { result: told.result, other: told.firstScan ?? null };
}
