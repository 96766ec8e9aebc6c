import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timeBars } from '../src/pages/Events/timeBars';

const at = (hours) => new Date(Date.UTC(2031, 4, 1, hours)).toISOString();

test('hours that are not told are there as nothing, and the sum goes on', () => {
  const { step, bars } = timeBars([{ at: at(9), count: 2 }, { at: at(11), count: 3 }], Date.parse(at(12)) + 60_000);
  assert.equal(step, 3_600_000);
  assert.deepEqual(bars.map(({ count, total }) => [count, total]), [[2, 2], [0, 2], [3, 5], [0, 5]]);
});

test('a long time is shown in longer stretches, none is lost', () => {
  const hours = Array.from({ length: 24 * 20 }, (_, index) => ({ at: at(index), count: 1 }));
  const { step, bars } = timeBars(hours, Date.parse(at(24 * 20 - 1)));
  assert.equal(step, 24 * 3_600_000);
  assert.equal(bars.length, 20);
  assert.ok(bars.every(({ count }) => count === 24));
  const years = timeBars([{ at: at(0), count: 1 }, { at: at(24 * 365 * 9), count: 4 }], 0);
  assert.ok(years.bars.length <= 37);
  assert.equal(years.bars.at(-1).total, 5);
});

test('nothing is no bars', () => assert.deepEqual(timeBars([], Date.now()).bars, []));
