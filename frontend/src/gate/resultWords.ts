import type { CheckInResult } from '../api/types';
import { has, isolated, t } from '../language/text';
import type { Text } from '../language/text';

/** The same words whoever decided, the server or the gate alone. */
export const resultWords: Record<CheckInResult, { word: Text; meaning: Text }> = {
  admitted: { word: 'Admitted', meaning: 'Welcome in.' },
  duplicate: { word: 'Duplicate', meaning: 'This ticket was used before.' },
  revoked: { word: 'Revoked', meaning: 'This ticket is no longer valid.' },
  wrongEvent: { word: 'Wrong event', meaning: 'This ticket is for another event.' },
  notYetValid: { word: 'Not yet', meaning: 'Check-in has not opened.' },
  eventCancelled: { word: 'Event canceled', meaning: 'This event was canceled. Nobody is let in.' },
  unknown: { word: 'Unknown', meaning: 'No ticket has this code.' },
};

/** The word for a result; its code, where this page doesn't know it. */
export function resultWord(result: CheckInResult): string {
  return has(resultWords, result) ? t(resultWords[result].word) : result;
}

/** " at North gate, browser 4f2a", or nothing. */
export function placeOf({ gate, device }: { gate: string | null; device: string | null }): string {
  const place = [gate, device].flatMap((name) => (name ? [isolated(name)] : [])).join(', ');
  return place && t(' at {place}', { place });
}
