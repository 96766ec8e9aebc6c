// Lists of people as programs write them: from the bytes of a file to the addresses in it.

/** A text that starts in this line of the file, the first of which is 1. */
export interface Cell {
  text: string;
  line: number;
}

export interface Address {
  line: number;
  email: string;
}

/** What is not taken from a file, and why: an address that stands in it before, or one of somebody who had canceled. */
export interface LeftOut extends Address {
  why: 'again' | 'cancelled';
}

/** What a file says of people; nothing in it is lost in silence. */
export interface Reading {
  addresses: Address[];
  leftOut: LeftOut[];
  /** What stands where an address should, or reads like one, and is none; a person's line without any. */
  unreadable: { line: number; text: string }[];
}

/**
 * The text of a file, by its byte order mark, else by what it looks like: UTF-16 has zeros, what is no UTF-8 is from
 * Windows.
 */
export function decodeFile(bytes: Uint8Array): string {
  return new TextDecoder(encodingOf(bytes)).decode(bytes).replace(/^\uFEFF+/, '');
}

function encodingOf(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  // Signs of ASCII (separators, digits, @) are in the lists of every script.
  let [even, odd] = [0, 0];
  bytes.forEach((byte, index) => { if (byte === 0) { if (index % 2 === 0) even += 1; else odd += 1; } });
  if (even + odd > 0) return odd > even ? 'utf-16le' : 'utf-16be';
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return 'utf-8';
  } catch {
    return 'windows-1252';
  }
}

/**
 * A table as spreadsheets write it (RFC 4180): commas, semicolons, tabs or bars between cells, quoted where need be,
 * lines ended by CRLF, LF or CR. A first line "sep=;" says which it is. Empty lines are left out, and counted.
 */
export function readTable(text: string): Cell[][] {
  const said = /^"?sep=(.)"?(?:\r\n|\r|\n|$)/i.exec(text);
  const separator = said?.[1] ?? mostFrequent(text);
  const rows: Cell[][] = [];
  let row: Cell[] = [];
  let line = said === null ? 1 : 2;
  let cell = { text: '', line };
  let quoted = false;
  const endCell = (): void => {
    row.push(cell);
    cell = { text: '', line };
  };
  const endRow = (): void => {
    endCell();
    if (row.some((item) => item.text.trim() !== '')) rows.push(row);
    row = [];
  };
  for (let at = said?.[0]?.length ?? 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    const isReturn = character === '\r' && text.charAt(at + 1) !== '\n';
    const endsLine = character === '\n' || isReturn;
    if (endsLine) line += 1;
    if (quoted) {
      if (character !== '"') cell.text += isReturn ? '\n' : character === '\r' ? '' : character;
      else if (text.charAt(at + 1) === '"') { cell.text += '"'; at += 1; }
      else quoted = false;
    } else if (character === '"' && cell.text.trim() === '') {
      cell.text = '';
      quoted = true;
    } else if (character === separator) endCell();
    else if (endsLine) {
      endRow();
      cell.line = line;
    } else if (character !== '\r') cell.text += character;
  }
  endRow();
  return rows;
}

/** Of what can stand between cells, what stands most often outside of quotes in the beginning of the table. */
function mostFrequent(text: string): string {
  const beginning = text.slice(0, 20_000).replace(/"[^"]*"/g, '');
  const count = (separator: string): number => beginning.split(separator).length;
  return ['\t', ';', ',', '|'].reduce((best, one) => (count(one) > count(best) ? one : best));
}

/** What our own export puts before what a spreadsheet would take for a formula (api-service/HTTP/CSV.swift). */
const neutralized = /^'(?=[\t\r\n]|[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]*[=+\-@＝＋－＠﹦﹢﹣﹫])/u;
const invisible = /[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu;
/**
 * An address, in letters of any script; not what stands around it: quotes, brackets, separators. Bounded, as addresses
 * are.
 */
const address = new RegExp([
  /[\p{L}\p{N}!#$%&'*+/=?^_`{}~-][\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{}~.-]{0,254}/u,
  /@[\p{L}\p{M}\p{N}](?:[\p{L}\p{M}\p{N}.-]{0,254}[\p{L}\p{M}\p{N}])?/u,
].map(({ source }) => source).join(''), 'gu');
/** The heads of columns whose every cell is an address. */
const addressHead = /^\W*(e-?mail|mail)([ _-]?(addresse?s?|adressen?))?\W*$/i;
const anyHead = /mail|adress|address|correo|courriel|e-?post|poczt|posta|почт|邮|郵|メール|이메일/i;

/** The addresses of a cell, each with its line. */
function addressesIn(cell: Cell): Address[] {
  const text = cell.text.replace(neutralized, '').replaceAll('＠', '@').replace(invisible, '');
  return [...text.matchAll(address)].map((match) => {
    const line = cell.line + (text.slice(0, match.index).match(/\n/g)?.length ?? 0);
    return { line, email: bare(match[0] ?? '', text.charAt((match.index ?? 0) - 1)) };
  });
}

/** Without what is no part of it: 'ada@example.org' in apostrophes, mailto:ada@example.org?cc=bea@example.org */
function bare(found: string, before: string): string {
  const isTail = before === '?' || before === '&' || /^[?&]/.test(found);
  const text = isTail ? found.replace(/^[?&]?\w+=/, '') : found;
  return text.replace(/^[/']+(?=[^@])/, '');
}

/**
 * Every address of a table, wherever it stands: in any column, with a name before it, several in a cell. Each is taken
 * once. What stands in a column of addresses and is none, what has an @ and is none where no address is beside it, and
 * a line of words without any address are told of.
 */
export function addressesOf(table: Cell[][]): Reading {
  const found = table.map((row) => row.map(addressesIn));
  const head = headOf(table, found);
  const columns = addressColumns(table, found, head);
  const states = isOwnExport(head) ? head.findIndex((cell) => cell.text.trim() === 'status') : -1;
  const reading: Reading = { addresses: [], leftOut: [], unreadable: [] };
  const seen = new Set<string>();
  table.forEach((row, index) => {
    if (row === head) return;
    const inRow = (found[index] ?? []).flat();
    for (const { line, email } of inRow) {
      const key = email.toLowerCase();
      const why = seen.has(key) ? 'again' : row[states]?.text.trim() === 'cancelled' ? 'cancelled' : null;
      seen.add(key);
      if (why === null) reading.addresses.push({ line, email });
      else reading.leftOut.push({ line, email, why });
    }
    const bad = row.filter((cell, column) => (found[index]?.[column] ?? []).length === 0 && cell.text.trim() !== ''
      && (columns.has(column) || (inRow.length === 0 && cell.text.includes('@'))));
    // A line of words without any address: whoever it is about is told of, too.
    const [words] = bad.length > 0 ? bad : inRow.length > 0 ? [] : row.filter((cell) => cell.text.trim() !== '');
    const unread = bad.length > 0 || !words ? bad : [words];
    for (const { line, text } of unread) reading.unreadable.push({ line, text: text.trim() });
    for (const cell of row) reading.unreadable.push(...brokenIn(cell));
  });
  return reading;
}

/** Of a cell with several addresses, those that are none: "ada@example.org; bea@; carl@example.org". */
function brokenIn(cell: Cell): { line: number; text: string }[] {
  const known = addressesIn(cell);
  if (known.length === 0) return [];
  const rest = cell.text.replaceAll('＠', '@').replace(invisible, '').replace(address, '');
  return rest.split(/[\s,;]+/).filter((piece) => piece.includes('@')).map((text) => ({ line: cell.line, text }));
}

/**
 * The first line, when it names the columns: no address is in it, and a column of addresses, or several columns, have
 * names.
 */
function headOf(table: Cell[][], found: Address[][][]): Cell[] {
  const [first = []] = table;
  const named = first.filter((cell) => cell.text.trim() !== '');
  const isHead = (found[0] ?? []).flat().length === 0 && !named.some((cell) => cell.text.includes('@'))
    && (named.length > 1 || named.some((cell) => anyHead.test(cell.text)));
  return isHead ? first : [];
}

/** Columns that are called so, and those of which at least half of the cells hold an address. */
function addressColumns(table: Cell[][], found: Address[][][], head: Cell[]): Set<number> {
  const columns = new Set<number>();
  const width = table.reduce((widest, row) => Math.max(widest, row.length), 0);
  for (let column = 0; column < width; column += 1) {
    const filled = table.flatMap((row, index) => (row !== head && row[column]?.text.trim() ? [index] : []));
    const holding = filled.filter((index) => (found[index]?.[column] ?? []).length > 0).length;
    const isCalledSo = addressHead.test(head[column]?.text.trim() ?? '');
    if (holding > 0 && (isCalledSo || holding * 2 >= filled.length)) columns.add(column);
  }
  return columns;
}

/** By the columns that api-service writes. */
function isOwnExport(head: Cell[]): boolean {
  return head.slice(0, 4).map((cell) => cell.text.trim()).join() === 'registration,status,position,registered at';
}
