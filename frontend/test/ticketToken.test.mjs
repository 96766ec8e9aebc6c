import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBase32, parseTicketToken } from '../src/gate/ticketToken.ts';
import { readTicketCode } from '../src/gate/ticketCode.ts';
import { ticket } from './gateWorld.mjs';

test('a ticket says its event, its number and its issue', async () => {
  const made = await ticket({ issue: 7 });
  const token = parseTicketToken(made.text);
  assert.equal(token.ticketId, made.ticketId);
  assert.equal(token.eventId, made.eventId);
  assert.equal(token.issue, 7);
  assert.equal(token.keyId, made.key.kid);
  assert.equal(token.signature.length, 64);
});

test('a scanner may write small letters', async () => {
  const { text } = await ticket();
  assert.deepEqual(parseTicketToken(text.toLowerCase()), parseTicketToken(text));
});

test('what is no ticket is none', async () => {
  const { text } = await ticket();
  for (const other of ['', 'EM1:', 'https://example.test', text.slice(0, -1), `${text}A`, text.replace('EM1', 'EM2'), `${text.slice(0, 20)}1${text.slice(21)}`]) {
    assert.equal(parseTicketToken(other), null, other);
  }
});

test('Base32 has one text for one value', () => {
  assert.deepEqual([...decodeBase32('MZXW6YTBOI')], [...'foobar'].map((letter) => letter.charCodeAt(0)));
  assert.equal(decodeBase32('MZ1'), null);
  assert.equal(decodeBase32('MZX'), null);
});

test('a typed code is read whatever its case, hyphens and spaces, and O, I, L are 0 and 1', () => {
  assert.equal(readTicketCode('0000-0000-0000'), '0000-0000-0000');
  assert.equal(readTicketCode(' ooOO 0000 0000'), '0000-0000-0000');
  // 1 × 1 + 3 × 1 + 5 × 1 = 9 modulo 31
  assert.equal(readTicketCode('il1000000009'), '1110-0000-0009');
});

test('a slip of a key is told from a code', () => {
  assert.equal(readTicketCode('0000-0000-0001'), null);
  assert.equal(readTicketCode('0000-0000-000'), null);
  assert.equal(readTicketCode('0000-0000-000U'), null);
});
