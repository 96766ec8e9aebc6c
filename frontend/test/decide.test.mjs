import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { decide, present } from '../src/gate/decide.ts';
import { TicketList } from '../src/gate/manifest.ts';
import { eventId, makeKey, manifest, ticket } from './gateWorld.mjs';

const now = Date.parse('2031-05-01T17:00:00.000Z');
const good = ticket({ issue: 2 });
const code = '0000-0000-0000';
const hash = createHash('sha512').update(`${eventId}:${code}`).digest('hex').slice(0, 32);

function listOf(state = 'valid', changes = {}, firstScan = [null, null]) {
  return new TicketList(manifest([[good.ticketId, 2, hash, 'Ada', state, ...firstScan]], changes));
}

async function result(text, list = listOf(), admission = null, at = now) {
  return decide(await present(text, list), list, admission, at);
}

test('a ticket on the list is admitted by name, scanned or typed', async () => {
  for (const text of [good.text, code, '000000000000']) {
    const { answer, admits } = await result(text);
    assert.equal(answer.result, 'admitted');
    assert.equal(answer.attendee.displayName, 'Ada');
    assert.equal(admits, good.ticketId);
  }
});

test('whatever byte is changed, nobody is admitted', async () => {
  for (let at = 4; at < good.text.length; at += 1) {
    const other = good.text[at] === 'A' ? 'B' : 'A';
    const { answer, admits } = await result(good.text.slice(0, at) + other + good.text.slice(at + 1));
    assert.equal(answer.result, 'unknown', `letter ${at}`);
    assert.equal(admits, null);
  }
});

test('a ticket signed by somebody else is unknown, also when it names the right key', async () => {
  const stranger = makeKey();
  assert.equal((await result(ticket({ ticketId: good.ticketId, signedBy: stranger }).text)).answer.result, 'unknown');
  assert.equal((await result(ticket({ ticketId: good.ticketId, signedBy: { ...stranger, kid: good.key.kid } }).text)).answer.result, 'unknown');
});

test('a ticket for another event is told as such, a typed one is unknown', async () => {
  assert.equal((await result(ticket({ event: '00000000-0000-4000-8000-000000000000' }).text)).answer.result, 'wrongEvent');
  assert.equal((await result('1110-0000-0009')).answer.result, 'unknown');
});

test('a revoked ticket, and one that was issued anew since, are revoked before anything else is said of them', async () => {
  assert.equal((await result(good.text, listOf('revoked', { checkInOpensAt: '2031-05-01T18:00:00.000Z' }))).answer.result, 'revoked');
  assert.equal((await result(ticket({ ticketId: good.ticketId, issue: 1 }).text)).answer.result, 'revoked');
});

test('once the event was called off nobody comes in, whatever the ticket was', async () => {
  const cancelledAt = '2031-05-01T11:00:00.000Z';
  for (const state of ['valid', 'revoked', 'checkedIn']) {
    const { answer, admits } = await result(good.text, listOf(state, { cancelledAt }));
    assert.equal(answer.result, 'eventCancelled');
    assert.equal(admits, null);
  }
  assert.equal((await result(ticket().text, listOf('valid', { cancelledAt }))).answer.result, 'eventCancelled');
  assert.equal((await result(good.text, listOf('valid', { cancelledAt: null }))).answer.result, 'admitted');
});

test('nobody comes in before check-in opens, and at that moment somebody does', async () => {
  const list = listOf('valid', { checkInOpensAt: '2031-05-01T17:00:00.000Z' });
  assert.equal((await result(good.text, list, null, now - 1)).answer.result, 'notYetValid');
  assert.equal((await result(good.text, list, null, now)).answer.result, 'admitted');
});

test('a ticket that this device admitted, or that the list knows as used, is a duplicate with its first scan', async () => {
  const known = { ticketId: good.ticketId, at: '2031-05-01T16:00:00.000Z', gate: 'North', device: 'browser 1' };
  const { answer, admits } = await result(good.text, listOf(), known);
  assert.deepEqual([answer.result, answer.firstScan.gate, answer.firstScan.device, admits], ['duplicate', 'North', 'browser 1', null]);
  const listed = await result(good.text, listOf('checkedIn', {}, ['2031-05-01T16:00:00.000Z', 'South']));
  assert.deepEqual([listed.answer.result, listed.answer.firstScan.gate], ['duplicate', 'South']);
});

test('a ticket issued after the list was made is admitted on its signature', async () => {
  const late = ticket();
  const { answer, admits } = await result(late.text);
  assert.deepEqual([answer.result, answer.attendee, admits], ['admitted', null, late.ticketId]);
});
