import assert from 'node:assert/strict';
import { test } from 'node:test';
import { present, readScan } from '../src/gate/decide';
import { TicketList } from '../src/gate/manifest';
import { readTicketCode } from '../src/gate/ticketCode';
import { manifest, ticket } from './gateWorld.mjs';

/** What a scanner that presses the keys of an American keyboard writes with another layout: small and capital letters, 1 to 7, colon. */
const written = {
  German: ['abcdefghijklmnopqrstuvwxzy', 'ABCDEFGHIJKLMNOPQRSTUVWXZY', '1234567', 'Ö'],
  Swiss: ['abcdefghijklmnopqrstuvwxzy', 'ABCDEFGHIJKLMNOPQRSTUVWXZY', '1234567', 'é'],
  Swedish: ['abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '1234567', 'Ö'],
  French: ['qbcdefghijkl,noparstuvzxyw', 'QBCDEFGHIJKL?NOPARSTUVZXYW', '&é"\'(-è', 'M'],
  Belgian: ['qbcdefghijkl,noparstuvzxyw', 'QBCDEFGHIJKL?NOPARSTUVZXYW', '&é"\'(§è', 'M'],
  Czech: ['abcdefghijklmnopqrstuvwxzy', 'ABCDEFGHIJKLMNOPQRSTUVWXZY', '+ěščřžý', '"'],
  Slovak: ['abcdefghijklmnopqrstuvwxzy', 'ABCDEFGHIJKLMNOPQRSTUVWXZY', '+ľščťžý', '"'],
  Spanish: ['abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '1234567', 'Ñ'],
  Turkish: ['abcdefghıjklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '1234567', 'Ş'],
  'Turkish F': ['uçveğaütnkmlszhpfıiorcgödj', 'UÇVEĞAÜTNKMLSZHPFIİORCGÖDJ', '1234567', 'Y'],
  Dvorak: ["axje.uidchtnmbrl'poygk,qf;", 'AXJE>UIDCHTNMBRL"POYGK<QF:', '1234567', 'S'],
  Colemak: ['abcsftdhuneimky;qprglvwxjz', 'ABCSFTDHUNEIMKY:QPRGLVWXJZ', '1234567', 'O'],
  Russian: ['фисвуапршолдьтщзйкыегмцчня', 'ФИСВУАПРШОЛДЬТЩЗЙКЫЕГМЦЧНЯ', '1234567', 'Ж'],
  Lithuanian: ['abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'ąčęėįšų', ':'],
  'a layout on which the colon is a dead key': ['abcdefghijklmnopqrstuvwxzy', 'ABCDEFGHIJKLMNOPQRSTUVWXZY', '1234567', ''],
};

const typed = (text, [small, capital, digits, colon]) => [...text].map((sign) => {
  if (/\d/.test(sign)) return digits[Number(sign) - 1];
  if (sign === ':') return colon;
  const at = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'.indexOf(sign.toUpperCase());
  return (sign === sign.toUpperCase() ? capital : small)[at];
}).join('');

const list = new TicketList(manifest([]));

for (const [name, layout] of Object.entries(written)) {
  test(`a ticket that is scanned on ${name} is that ticket`, async () => {
    for (let turn = 0; turn < 3; turn += 1) {
      const made = ticket();
      for (const text of [typed(made.text, layout), typed(made.text.toLowerCase(), layout)]) {
        const read = await readScan(text, list);
        const presented = await present(read, list);
        assert.equal(presented.kind, 'ticket', text.slice(0, 30));
        assert.equal(presented.ticketId, made.ticketId);
      }
    }
  });
}

test('what nobody signed stays what it was', async () => {
  const { text } = ticket();
  const forged = `${text.slice(0, 40)}${text[40] === 'A' ? 'B' : 'A'}${text.slice(41)}`;
  const read = await readScan(typed(forged, written.German), list);
  assert.equal((await present(read, list)).kind, 'unreadable');
  for (const other of ['', 'hello', 'https://example.org', 'x'.repeat(177)]) assert.equal(await readScan(other, list), other);
  assert.equal(await readScan(text, list), text);
});

test('a typed code is one with any dashes and blanks between, in any width', () => {
  for (const code of ['il10—0000—0009', 'IL10 0000 0009', 'il10\u00a00000\u20030009', 'IL10−0000−0009', 'il10‐0000‑0009', '  IL10\t00000009\n',
    'ＩＬ１０－００００－０００９', 'IL10ー0000ー0009', '\u200bil10\u2060-0000-0009', 'il10.0000.0009', 'il10_0000_0009']) {
    assert.equal(readTicketCode(code), '1110-0000-0009', code);
  }
});
