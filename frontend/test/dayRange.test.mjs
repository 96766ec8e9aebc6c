import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRange, timesOf } from '../src/pages/Events/dayRange.ts';

test('today is from midnight to midnight on the reader’s own clock', () => {
  const now = new Date(2031, 4, 1, 23, 59);
  assert.deepEqual(timesOf('today', now), { from: new Date(2031, 4, 1).toISOString(), to: new Date(2031, 4, 2).toISOString() });
});

test('a range of days begins and ends at midnight also when the clocks change in it', () => {
  const { to } = timesOf('week', new Date(2031, 2, 5, 12));
  assert.equal(new Date(to).getHours(), 0);
  assert.equal(new Date(to).getDate(), 12);
});

test('what is not a range is any time', () => {
  assert.equal(readRange('yesterday'), 'any');
  assert.equal(readRange(null), 'any');
  assert.deepEqual(timesOf('any', new Date()), {});
});
