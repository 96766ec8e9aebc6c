import { useSyncExternalStore } from 'react';
import type { Catalogue } from './text';

/** The languages of the pages. English is what stands in the code; the others are catalogues, fetched when they are spoken. */
export const languages = { en: 'English', de: 'Deutsch' } as const;
export type Language = keyof typeof languages;

const choiceKey = 'em.language';
let spoken: Language = 'en';
let words: Catalogue | null = null;
const listeners = new Set<() => void>();

/** The language that is spoken, and its texts; none for English. */
export function catalogue(): { language: Language; words: Catalogue | null } {
  return { language: spoken, words };
}

export function useLanguage(): Language {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => { listeners.delete(listener); };
    },
    () => spoken,
  );
}

/** The reader's own kind of the spoken language ("en-AU"), for numbers and dates. */
export function locale(): string {
  const own = preferred().find((tag) => languageOf(tag) === spoken);
  return own ?? { en: 'en-GB', de: 'de-DE' }[spoken];
}

/** Before anything is drawn: the language chosen in this browser, else the first of the browser's that there is. */
export async function loadLanguage(): Promise<void> {
  await speak(chosenLanguage() ?? preferred().map(languageOf).find(isLanguage) ?? 'en');
}

/** From now on in this language, and the next time too. */
export async function chooseLanguage(language: Language): Promise<void> {
  try { localStorage.setItem(choiceKey, language); } catch { /* storage is forbidden: for this visit, then */ }
  await speak(language);
}

/** The account's language becomes this browser's, where none was chosen in it yet. */
export async function adoptLanguage(language: Language): Promise<void> {
  if (chosenLanguage() === null && isLanguage(language)) await chooseLanguage(language);
}

/** The choice that was made in this browser; null when none was. */
export function chosenLanguage(): Language | null {
  try {
    const held = localStorage.getItem(choiceKey);
    return isLanguage(held) ? held : null;
  } catch { return null; }
}

async function speak(language: Language): Promise<void> {
  try {
    const found = language === 'de' ? await import('./german') : null;
    words = found?.german ?? null;
    spoken = language;
  } catch {
    // A catalogue that can't be fetched leaves the page as it is: better than no page.
  }
  document.documentElement.lang = spoken;
  for (const listener of [...listeners]) listener();
}

/** The reader's languages that Intl can do something with: browsers hand on what a system says ("en-US@posix", "C"). */
function preferred(): readonly string[] {
  if (typeof navigator === 'undefined') return [];
  const { language, languages: all } = navigator as { language?: unknown; languages?: readonly unknown[] | null };
  return [...(all ?? []), language].flatMap((tag) => {
    if (typeof tag !== 'string') return [];
    // What POSIX puts behind a name (".UTF-8", "@euro") is no part of a tag.
    try { return Intl.getCanonicalLocales(tag.replace(/[.@].*$/, '').replaceAll('_', '-')); } catch { return []; }
  });
}

function languageOf(tag: string): string {
  return tag.split('-', 1)[0] ?? '';
}

export function isLanguage(tag: unknown): tag is Language {
  return typeof tag === 'string' && Object.keys(languages).includes(tag);
}
