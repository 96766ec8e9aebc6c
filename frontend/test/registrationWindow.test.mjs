import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registrationWindow } from '../src/pages/Registrations/registrationWindow.ts';

const event = {
  status: 'published', registrationOpensAt: '2031-05-01T08:00:00Z', registrationClosesAt: '2031-05-01T18:00:00Z',
  endsAt: '2031-05-01T22:00:00Z',
};
const at = (time, changes = {}) => registrationWindow({ ...event, ...changes }, Date.parse(`2031-05-01T${time}Z`));

test('registration is open from its first moment to the one before its last', () => {
  assert.deepEqual(['07:59:59', '08:00:00', '17:59:59', '18:00:00', '22:00:00'].map((time) => at(time)),
    ['notYet', 'open', 'open', 'closed', 'ended']);
});

test('without times of its own it lasts until the event ends', () => {
  const free = { registrationOpensAt: null, registrationClosesAt: null };
  assert.deepEqual(['00:00:00', '21:59:59', '22:00:00'].map((time) => at(time, free)), ['open', 'open', 'ended']);
});

test('what became of the event counts before any time', () => {
  for (const status of ['draft', 'cancelled', 'ended']) assert.equal(at('09:00:00', { status }), status);
});
