import { gates } from '../api/endpoints';
import type { BatchResult } from '../api/types';
import { conflictOf } from './conflict';
import type { Conflict } from './conflict';
import { keptScans, settleTold } from './store';
import type { KeptScan } from './store';

/** As many as the server takes at once. */
const batchSize = 500;

/**
 * Tells the server of the scans that it hasn't heard of, the oldest first. A scan has its id for ever: telling it twice,
 * from two windows or after a lost answer, is telling it once.
 */
export async function synchronize(eventId: string, progress: () => Promise<void>): Promise<void> {
  for (;;) {
    const waiting = (await keptScans(eventId)).filter((scan) => scan.conflict === null).slice(0, batchSize);
    if (waiting.length === 0) return;
    const { results } = await gates.tell(eventId, waiting.map(({ scanId, device, gate, code, scannedAt }) =>
      ({ scanId, device, gate, code, scannedAt })));
    await settleTold(matched(waiting, results));
    await progress();
  }
}

function matched(waiting: KeptScan[], results: BatchResult[]): { scan: KeptScan; conflict: Conflict | null }[] {
  const told = new Map(results.map((result) => [result.scanId, result]));
  return waiting.map((scan) => {
    const result = told.get(scan.scanId);
    // Without its answer a scan would be told again for ever, or be forgotten: neither is done in silence.
    if (!result) throw new Error(`no result for scan ${scan.scanId}`);
    return { scan, conflict: conflictOf(result) };
  });
}
