import { catalogue } from './language';
import { number } from './text';

// What the server says in English words of its own is shown in the reader's language where the catalogue has it, and as it was
// said where not: a server may be newer than the page.

const lists = /^(must be one of|must list some of|the mail could not be written:) (.+)$/;

/** The server's words in the language that is spoken; null where its catalogue lacks them, and in English. */
function translated(said: string): string | null {
  const { server } = catalogue();
  if (server === null) return null;
  const whole = server[said];
  if (whole !== undefined) return whole;
  const [, before, list] = lists.exec(said) ?? [];
  if (list !== undefined) return server[`${before} {}`]?.replace('{}', () => list) ?? null;
  const numbers = said.match(/\d+/g) ?? [];
  return server[said.replace(/\d+/g, '{}')]?.replace(/\{\}/g, () => number(Number(numbers.shift()))) ?? null;
}

export function serverWords(said: string): string {
  return translated(said) ?? said;
}

/** What the API says against a field ("must be after the start") as a sentence: the field stands above it. */
export function fieldWords(message: string): string {
  return translated(message) ?? (/^[a-z]/.test(message) ? `This ${message}.` : message);
}
