/**
 * What was read last, by key, so that going back shows the page as it was while it is read again.
 * Bounded; emptied when another person takes the browser over.
 */
const entries = new Map<string, unknown>();
const maximumEntries = 60;

export function remembered<Value>(key: string): Value | undefined {
  return entries.get(key) as Value | undefined;
}

export function remember(key: string, value: unknown): void {
  entries.delete(key);
  entries.set(key, value);
  if (entries.size > maximumEntries) {
    for (const oldest of entries.keys()) { entries.delete(oldest); break; }
  }
}

export function clearCache(): void {
  entries.clear();
}
