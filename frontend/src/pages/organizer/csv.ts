/** A table as spreadsheets write it (RFC 4180): commas, semicolons or tabs, quoted where need be, with any line ends. */
export function readTable(text: string): string[][] {
  const body = text.replace(/^\uFEFF/, '');
  const separator = mostFrequent(body.split(/\r?\n/, 1)[0] ?? '');
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  const endCell = (): void => { row.push(cell.trim()); cell = ''; };
  const endRow = (): void => {
    endCell();
    if (row.some((item) => item !== '')) rows.push(row);
    row = [];
  };
  for (let at = 0; at < body.length; at += 1) {
    const character = body.charAt(at);
    if (quoted) {
      if (character !== '"') cell += character;
      else if (body.charAt(at + 1) === '"') { cell += '"'; at += 1; }
      else quoted = false;
    } else if (character === '"' && cell.trim() === '') {
      cell = '';
      quoted = true;
    } else if (character === separator) endCell();
    else if (character === '\n') endRow();
    else if (character !== '\r') cell += character;
  }
  endRow();
  return rows;
}

function mostFrequent(line: string): string {
  const count = (separator: string): number => line.split(separator).length;
  return [',', ';', '\t'].reduce((best, one) => (count(one) > count(best) ? one : best));
}

export interface Address {
  /** Its line in the table, from 1. */
  line: number;
  email: string;
}

/**
 * The column of addresses: the one whose head says so ("Email"), else the first with an @ in it. An address that comes
 * again is left out. What has no @ is kept: whoever imports is told of it.
 */
export function addressesOf(rows: string[][]): Address[] {
  const [head = []] = rows;
  const hasHead = !head.some((cell) => cell.includes('@'));
  const named = hasHead ? head.findIndex((cell) => /^e-?mail/i.test(cell)) : -1;
  const column = named >= 0 ? named : Math.max(0, (rows.find((row) => row.some((cell) => cell.includes('@'))) ?? []).findIndex((cell) => cell.includes('@')));
  const seen = new Set<string>();
  return rows
    .map((row, index) => ({ line: index + 1, email: row[column] ?? '' }))
    .slice(hasHead ? 1 : 0)
    .filter(({ email }) => {
      const key = email.toLowerCase();
      if (email === '' || seen.has(key)) return false;
      seen.add(key);
      return true;
    });
}
