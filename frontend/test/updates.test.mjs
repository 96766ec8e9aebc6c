import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterUpdate, backoff, countsOf, newerCounts, undeliveredText, withHeard } from '../src/live/updates.ts';

const at = (revision, confirmed) => ({ revision, confirmed, waitlisted: 0, capacity: 100 });

test('counts never go back: an older or equal revision changes nothing', () => {
  const held = at(7, 50);
  assert.equal(newerCounts(held, at(6, 99)), held);
  assert.equal(newerCounts(held, at(7, 99)), held);
});

test('counts may fall when a newer revision says so', () => {
  assert.equal(newerCounts(at(7, 50), at(8, 49)).confirmed, 49);
});

test('any order of arrival ends at the newest revision', () => {
  const updates = [3, 1, 5, 2, 4].map((revision) => at(revision, revision * 10));
  assert.equal(updates.reduce(newerCounts).confirmed, 50);
});

test('counts come in snapshots and in changes, and in nothing else', () => {
  assert.equal(countsOf({ type: 'subscribed', topic: 'event:1', snapshot: at(2, 5) }).confirmed, 5);
  assert.equal(countsOf({ type: 'counts', topic: 'event:1', ...at(3, 6) }).confirmed, 6);
  assert.equal(countsOf({ type: 'subscribed', topic: 'me' }), null);
  assert.equal(countsOf({ type: 'event', topic: 'event:1', version: 3 }), null);
});

test('waits between reconnects spread from nothing to a doubling, bounded ceiling', () => {
  assert.equal(backoff(0, 0), 0);
  assert.equal(backoff(0, 1), 500);
  assert.equal(backoff(3, 0.5), 2000);
  assert.equal(backoff(40, 1), 30000);
});

const place = (changes) => ({ id: 'r', eventId: 'e', status: 'waitlisted', position: 3, createdAt: '', ticket: null, checkedInAt: null, ...changes });
const news = (changes) => ({ type: 'registration', topic: 'me', registrationId: 'r', eventId: 'e', ...changes });

test('the line moves, and ends in a place', () => {
  const nearer = afterUpdate(place(), news({ status: 'waitlisted', position: 2 }));
  assert.equal(nearer.position, 2);
  const first = afterUpdate(nearer, news({ status: 'waitlisted' }));
  assert.equal(first.position, 2, 'news that does not name the position leaves it');
  const promoted = afterUpdate(first, news({ status: 'confirmed' }));
  assert.deepEqual([promoted.status, promoted.position], ['confirmed', null]);
});

test('a cancelled registration has no place, no ticket, and does not come back', () => {
  const gone = afterUpdate(place({ status: 'confirmed', ticket: { id: 't' } }), news({ status: 'cancelled' }));
  assert.deepEqual([gone.status, gone.position, gone.ticket], ['cancelled', null, null]);
  assert.equal(afterUpdate(gone, news({ status: 'waitlisted', position: 9 })), gone);
});

test('news from before a promotion does not put anybody back in line', () => {
  const confirmed = place({ status: 'confirmed', position: null });
  assert.equal(afterUpdate(confirmed, news({ status: 'waitlisted', position: 1 })), confirmed);
});

test('what an update cannot say is read', () => {
  assert.equal(afterUpdate(place(), news({ registrationId: 'another', status: 'confirmed' })), null);
  assert.equal(afterUpdate(place(), { type: 'ticket', topic: 'me', id: 't', registrationId: 'r', eventId: 'e' }), null);
});

test('organizers read of undelivered mail in plain words', () => {
  assert.equal(undeliveredText(1, 0), '1 email has not arrived yet and will be tried again.');
  assert.equal(undeliveredText(0, 1200), '1,200 emails could not be delivered.');
  assert.equal(undeliveredText(2, 1), '1 email could not be delivered. 2 emails have not arrived yet and will be tried again.');
});

test('announcements heard while a list was read are neither lost nor shown twice', () => {
  const item = (id, at) => ({ id, eventId: 'e', title: id, body: '', at });
  const read = [item('b', '2026-01-01T00:02:00.000Z'), item('a', '2026-01-01T00:01:00.000Z')];
  const heard = [item('b', '2026-01-01T00:02:00.000Z'), item('c', '2026-01-01T00:03:00.000Z')];
  assert.deepEqual(withHeard(read, heard).map(({ id }) => id), ['c', 'b', 'a']);
  assert.equal(withHeard(read, []), read);
});
