import { createElement, Fragment } from 'react';
import type { ReactNode } from 'react';
import type { german } from './german';
import { numberFormat } from './formats';
import { catalogue } from './language';

// Every text of the pages passes through here. A text is named by its English: one that a catalogue lacks is no `Text`, and
// the build fails. Holes stand in braces, the forms for one and for several are parted by a bar.

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

/** A text whose holes take pieces of a page. */
export function rich<T extends Whole>(text: T, values: Values<T, ReactNode>): ReactNode {
  const pieces = translated(text).split(/\{(\w+)\}/);
  const given = values as Record<string, ReactNode>;
  // Every other piece is the name of a hole.
  return pieces.map((piece, index) => createElement(Fragment, { key: index }, index % 2 === 0 ? piece : given[piece]));
}

export function number(value: number): string {
  return numberFormat().format(value);
}

function translated(text: Entry): string {
  return catalogue().words?.[text] ?? text;
}

function filled(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (_hole, name: string) => {
    const value = values[name] ?? '';
    return typeof value === 'number' ? number(value) : value;
  });
}
