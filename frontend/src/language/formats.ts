import { locale } from './language';

// Making a format takes milliseconds on a phone, using one takes none: each is made once.

const dates = new Map<string, Intl.DateTimeFormat>();
const numbers = new Map<string, Intl.NumberFormat>();

/** The reader's way of writing times. */
export function dateFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return kept(dates, `${locale()} ${JSON.stringify(options)}`, () => new Intl.DateTimeFormat(locale(), options));
}

/** The reader's way of writing numbers. */
export function numberFormat(): Intl.NumberFormat {
  return kept(numbers, locale(), () => new Intl.NumberFormat(locale()));
}

function kept<Format>(formats: Map<string, Format>, key: string, make: () => Format): Format {
  const format = formats.get(key) ?? make();
  formats.set(key, format);
  return format;
}
