import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localTime, resolveLocalTime, sameTimeAt } from '../src/time/zone.ts';

const cases = [
  ['2026-01-15T19:00', 'Europe/Berlin', '2026-01-15T18:00:00.000Z', 'unique'],
  ['2026-07-15T19:00', 'Europe/Berlin', '2026-07-15T17:00:00.000Z', 'unique'],
  ['2026-03-29T02:30', 'Europe/Berlin', '2026-03-29T01:30:00.000Z', 'skipped'],
  ['2026-03-29T03:00', 'Europe/Berlin', '2026-03-29T01:00:00.000Z', 'unique'],
  ['2026-10-25T02:30', 'Europe/Berlin', '2026-10-25T00:30:00.000Z', 'repeated'],
  ['2026-10-25T03:00', 'Europe/Berlin', '2026-10-25T02:00:00.000Z', 'unique'],
  ['2026-03-08T02:30', 'America/New_York', '2026-03-08T07:30:00.000Z', 'skipped'],
  ['2026-11-01T01:30', 'America/New_York', '2026-11-01T05:30:00.000Z', 'repeated'],
  ['2026-06-01T12:00', 'Asia/Kathmandu', '2026-06-01T06:15:00.000Z', 'unique'],
  ['2026-06-01T12:00', 'Pacific/Kiritimati', '2026-05-31T22:00:00.000Z', 'unique'],
  ['2026-06-01T00:00', 'Pacific/Pago_Pago', '2026-06-01T11:00:00.000Z', 'unique'],
  // Lord Howe moves its clocks by half an hour.
  ['2026-10-04T02:15', 'Australia/Lord_Howe', '2026-10-03T15:45:00.000Z', 'skipped'],
  ['2026-04-05T01:45', 'Australia/Lord_Howe', '2026-04-04T14:45:00.000Z', 'repeated'],
  ['2026-12-31T23:59', 'UTC', '2026-12-31T23:59:00.000Z', 'unique'],
  ['2028-02-29T00:00', 'Asia/Tokyo', '2028-02-28T15:00:00.000Z', 'unique'],
];

for (const [local, zone, utc, kind] of cases) {
  test(`${local} in ${zone} is ${utc} (${kind})`, () => {
    assert.deepEqual(resolveLocalTime(local, zone), { utc, kind });
    if (kind !== 'skipped') assert.equal(localTime(utc, zone), local);
  });
}

test('the second of two equal clock times is shown as the same clock time', () => {
  assert.equal(localTime('2026-10-25T01:30:00Z', 'Europe/Berlin'), '2026-10-25T02:30');
});

test('a skipped time moves as far after the jump as it was after its start', () => {
  assert.equal(localTime(resolveLocalTime('2026-03-29T02:30', 'Europe/Berlin').utc, 'Europe/Berlin'), '2026-03-29T03:30');
});

test('every half hour of a year comes back from each zone', () => {
  for (const zone of ['Europe/Berlin', 'America/St_Johns', 'Asia/Kolkata', 'Africa/Casablanca', 'Australia/Lord_Howe']) {
    for (let moment = Date.UTC(2026, 0, 1); moment < Date.UTC(2027, 0, 1); moment += 1_800_000) {
      const shown = localTime(new Date(moment).toISOString(), zone);
      const { utc, kind } = resolveLocalTime(shown, zone);
      if (kind === 'unique') assert.equal(Date.parse(utc), moment, `${shown} ${zone}`);
      else assert.equal(kind, 'repeated', `${shown} ${zone}`);
    }
  }
});

test('what is not a time is no time', () => {
  for (const text of ['', '2026-13-01T00:00', '2026-01-01', 'tomorrow']) {
    assert.equal(resolveLocalTime(text, 'UTC'), null);
  }
});

test('zones are compared at the moment in question', () => {
  assert.equal(sameTimeAt('2026-01-15T12:00:00Z', 'Europe/London', 'UTC'), true);
  assert.equal(sameTimeAt('2026-07-15T12:00:00Z', 'Europe/London', 'UTC'), false);
});
