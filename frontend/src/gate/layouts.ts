import { parseTicketToken } from './ticketToken';

// A hand scanner is a keyboard: it presses the keys that write a ticket's text on an American keyboard, and a computer
// that is set to another layout writes something else. The text is found again by what each layout writes with those
// keys. Which layout it was, nobody says: the ticket's signature does.

/** By layout, what the keys A to Z and 1 to 7 of an American keyboard write, without shift. */
const layouts: Record<string, string> = {
  // German, Swiss, Hungarian, Polish (214), Croatian, Slovenian, Serbian in Latin letters, Albanian, Romanian of before
  qwertz: 'abcdefghijklmnopqrstuvwxzy1234567',
  // Nordic, Spanish, Portuguese, Italian and others, whose letters and digits are where the American ones are
  qwerty: 'abcdefghijklmnopqrstuvwxyz1234567',
  czech: 'abcdefghijklmnopqrstuvwxzy+ěščřžý',
  czechQwerty: 'abcdefghijklmnopqrstuvwxyz+ěščřžý',
  slovak: 'abcdefghijklmnopqrstuvwxzy+ľščťžý',
  slovakQwerty: 'abcdefghijklmnopqrstuvwxyz+ľščťžý',
  lithuanian: 'abcdefghijklmnopqrstuvwxyząčęėįšų',
  azerty: 'qbcdefghijkl,noparstuvzxyw&é"\'(-è',
  azertyBelgian: 'qbcdefghijkl,noparstuvzxyw&é"\'(§è',
  turkish: 'abcdefghıjklmnopqrstuvwxyz1234567',
  turkishF: 'uçveğaütnkmlszhpfıiorcgödj1234567',
  dvorak: 'axje.uidchtnmbrl\'poygk,qf;1234567',
  colemak: 'abcsftdhuneimky;qprglvwxjz1234567',
  russian: 'фисвуапршолдьтщзйкыегмцчня1234567',
  ukrainian: 'фисвуапршолдьтщзйкіегмцчня1234567',
  belarusian: 'фісвуапршолдьтўзйкыегмцчня1234567',
  bulgarian: 'ьфъаеожгстнвпхдз,ияшкэуйщю1234567',
  serbian: 'абцдефгхијклмнопљрстувњџзѕ1234567',
  greek: 'αβψδεφγηιξκλμνοπ;ρστθωςχυζ1234567',
  hebrew: 'שנבגקכעיןחלךצמםפ/רדאוה\'סטז1234567',
};
/** What is written with shift, or shift lock, where that is no capital of the above. */
const shifted: Record<string, string> = { ',': '?<;', ';': ':', '.': '>', "'": '"', ı: 'I', i: 'İ', ς: 'Σ' };
const keys = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ1234567';

const prefix = 'EM1:';
const bodyLength = 173;

/** By what is written, the key; of a sign that two keys write, the first has it. */
const tables = Object.values(layouts).map((written) => {
  const table = new Map<string, string>();
  const add = (sign: string, key: string): void => { if (!table.has(sign)) table.set(sign, key); };
  [...written].forEach((sign, index) => add(sign, keys.charAt(index)));
  [...written].forEach((sign, index) => {
    const key = keys.charAt(index);
    for (const other of shifted[sign] ?? '') add(other, key);
    if (sign.toUpperCase().length === 1) add(sign.toUpperCase(), key);
    // Shift lock writes the digits of a layout that has other signs there.
    if (/\d/.test(key)) add(key, key);
  });
  return table;
});

/**
 * The tickets that a scanner may have meant by this text, each as it would have been written on an American keyboard.
 * Nothing for what is too short, or is a ticket already. What stands for the colon isn't looked at: it is a dead key on
 * some layouts.
 */
export function meantTickets(text: string): string[] {
  const signs = [...text.trim().normalize('NFC')];
  if (signs.length < bodyLength + 3 || signs.length > bodyLength + 6) return [];
  const found = new Set<string>();
  for (const table of tables) {
    const body = signs.slice(-bodyLength).map((sign) => table.get(sign) ?? '?').join('');
    const head = signs.slice(0, 3).map((sign) => table.get(sign) ?? '?').join('');
    const meant = prefix + body;
    if (head === prefix.slice(0, 3) && parseTicketToken(meant) !== null) found.add(meant);
  }
  found.delete(text.toUpperCase());
  return [...found];
}
