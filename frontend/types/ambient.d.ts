// What Debian's type packages leave out. `@types/react` imports csstype and prop-types, which come in
// packages of their own; the little that this app uses of them is said here, so that nothing more need be installed.

declare module 'csstype' {
  export interface Properties<TLength = string | number> {
    width?: TLength;
    height?: TLength;
    transform?: string;
  }
}

declare module 'prop-types' {
  export interface Validator<T> {
    (props: Record<string, unknown>, name: string): Error | null;
    readonly _type?: T;
  }
  export type ValidationMap<T> = { [K in keyof T]?: Validator<T[K]> };
  export interface Requireable<T> extends Validator<T | undefined | null> {
    isRequired: Validator<NonNullable<T>>;
  }
  export type InferProps<V> = { [K in keyof V]: unknown };
}

/** What is used of it. Its own types would have to be found by a path, which esbuild then takes for the code. */
declare module 'tweetnacl' {
  const nacl: { hash: (message: Uint8Array) => Uint8Array; sign: { detached: { verify: (message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array) => boolean } } };
  export default nacl;
}

declare module '*.css';

declare namespace Intl {
  /** In every browser since 2022, in TypeScript's own library since 5.1. */
  function supportedValuesOf(key: 'timeZone'): string[];
  /** In every browser that these pages are built for; not in the library of TypeScript 4.8. */
  function getCanonicalLocales(locales: string): string[];
}

interface Navigator {
  /** In browsers since 2020 to 2024, in TypeScript's own library since 5.0. */
  readonly wakeLock?: { request: (type: 'screen') => Promise<{ release: () => Promise<void> }> };
}

/** What the dashboard uses of Chart.js 3.9, whose Debian package has no types. */
declare module 'chart.js/chart.mjs' {
  export interface Dataset {
    type: 'bar' | 'line';
    label: string;
    data: number[];
    backgroundColor: string;
    borderColor: string;
    [option: string]: unknown;
  }
  export interface Data { labels: string[]; datasets: Dataset[] }
  export class Chart {
    constructor(canvas: HTMLCanvasElement, configuration: { data: Data; options: Record<string, unknown> });
    static register(...parts: unknown[]): void;
    data: Data;
    update(): void;
    destroy(): void;
  }
  export const BarController: unknown, BarElement: unknown, CategoryScale: unknown, LinearScale: unknown, LineController: unknown;
  export const LineElement: unknown, PointElement: unknown, Tooltip: unknown;
}
