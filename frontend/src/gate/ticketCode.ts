// The code under a QR code, as Sources/Domain/Tickets/Ticket.swift documents it: Crockford's alphabet, one check character.

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const misread: Record<string, string | undefined> = { O: '0', I: '1', L: '1' };

/** Blanks, dashes of any script, and what stands in their place (a minus, a Japanese long mark) or can't be seen. */
const between = /[\s\p{Pd}\p{Cf}\u2212\u2043\u30fc\uff70_.·]/gu;

/** What was typed, as tickets are printed; null when it can't be a code. Case, width, dashes and blanks don't count. */
export function readTicketCode(typed: string): string | null {
  if (typed.length > 64) return null;
  const values: number[] = [];
  for (const letter of typed.normalize('NFKC').toUpperCase().replace(between, '')) {
    const value = alphabet.indexOf(misread[letter] ?? letter);
    if (value < 0) return null;
    values.push(value);
  }
  if (values.length !== 12 || values[11] !== checkOf(values.slice(0, 11))) return null;
  const text = values.map((value) => alphabet[value]).join('');
  return `${text.slice(0, 4)}-${text.slice(4, 8)}-${text.slice(8)}`;
}

function checkOf(values: number[]): number {
  return values.reduce((sum, value, index) => (sum + (index * 2 + 1) * value) % 31, 0);
}
