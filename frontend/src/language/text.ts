import { createElement } from 'react';
import type { ReactElement, ReactNode } from 'react';
import type { german } from './german';
import { numberFormat } from './formats';
import { catalogue } from './language';

// Every text of the pages passes through here. A text is named by its English: one that a catalogue lacks is no `Text`,
// and the build fails. Holes stand in braces, the forms for one and for several are parted by a bar.

type Entry = keyof typeof german;
export type Catalogue = Readonly<Record<Entry, string>>;
type Plural = Extract<Entry, `${string}|${string}`>;
type Whole = Exclude<Entry, Plural>;
type Holes<T extends string> = T extends `${string}{${infer Name}}${infer Rest}` ? Name | Holes<Rest> : never;
type Values<T extends string, Value> = { [Name in Holes<T>]: Value };

/** A text that can be said as it is: without holes. */
export type Text = { [T in Whole]: Holes<T> extends never ? T : never }[Whole];

/** The text in the language that is spoken; numbers as they are written there. */
export function t<T extends Whole>(text: T, ...[values]: Holes<T> extends never ? [] : [Values<T, string | number>]): string {
  return filled(translated(text), (values ?? {}) as Record<string, string | number>);
}

/** A text about a number, which fills its `{count}`: "1 place", "2 places". */
export function plural<T extends Plural>(text: T, count: number, values?: Record<string, string | number>): string {
  const { language } = catalogue();
  const [one = '', several = one] = translated(text).split('|');
  return filled(new Intl.PluralRules(language).select(count) === 'one' ? one : several, { ...values, count });
}

/**
 * A text whose holes take pieces of a page. Each piece has an element of its own: a browser that translates a page puts
 * elements around its words, and a word that stood beside something that comes and goes could then not be found again.
 * What fills a hole may be written in the other direction, and keeps that to itself.
 */
export function rich<T extends Whole>(text: T, values: Values<T, ReactNode>): ReactElement[] {
  const pieces = translated(text).split(/\{(\w+)\}/);
  const given = values as Record<string, ReactNode>;
  // Every other piece is the name of a hole.
  return pieces.flatMap((piece, index) => {
    if (index % 2 === 1) return [createElement('bdi', { key: index }, given[piece])];
    return piece === '' ? [] : [createElement('span', { key: index }, piece)];
  });
}

/**
 * The words for one of the server's codes; the code itself, where a newer server has one that this page doesn't know.
 */
export function worded<Code extends string>(words: Readonly<Record<Code, Text>>, code: Code): string {
  const known: Text | undefined = has(words, code) ? words[code] : undefined;
  return known === undefined ? String(code) : t(known);
}

/** Whether a table has an entry of its own for a code. */
export function has<Code extends string>(table: Readonly<Record<Code, unknown>>, code: Code): boolean {
  return Object.prototype.hasOwnProperty.call(table, code);
}

export function number(value: number): string {
  return numberFormat().format(value);
}

function translated(text: Entry): string {
  return catalogue().words?.[text] ?? text;
}

/** What is written from right to left, or says so of what follows it. */
const turns = /[\u0590-\u08ff\u200f\u202b\u202e\u2067\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/**
 * A piece of text whose direction ends with it (Unicode's "first strong isolate"): it doesn't turn the words around it.
 */
export function isolated(text: string): string {
  return turns.test(text) ? `\u2068${text}\u2069` : text;
}

function filled(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (_hole, name: string) => {
    const value = values[name] ?? '';
    return typeof value === 'number' ? number(value) : isolated(String(value));
  });
}
