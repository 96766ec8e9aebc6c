import { t } from './text';
import type { Text } from './text';

const known: Text[] = [
  'This is required.', 'This is one of the commonest passwords: anybody would try it.',
  'This is too much like your name or address: it would be tried first.', 'This is your own.', 'This is not your password.',
  'This must be a mail address.', 'This must be 1 to 1000000.', 'This must be after registration opens.',
  'This must be after the start.', 'This must be before the end.', 'This must not be after the end.',
  'This belongs to no account: they have to sign up first.',
  'This must lie between 1900 and 2200.', 'This must not contain control characters.',
];

/**
 * What the API says against a field ("must be after the start") as a sentence: the field stands above it. In the language that
 * is spoken where we know the words; else as the API said them.
 */
export function serverWords(message: string): string {
  const sentence = /^[a-z]/.test(message) ? `This ${message}.` : message;
  const length = /^This must have (\d+) to (\d+) characters\.$/.exec(sentence);
  if (length !== null) return t('This must have {least} to {most} characters.', { least: Number(length[1]), most: Number(length[2]) });
  const text = known.find((item) => item === sentence);
  return text === undefined ? sentence : t(text);
}
