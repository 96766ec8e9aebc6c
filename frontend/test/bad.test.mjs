// What comes from data or from a browser and is none of what it should be: nothing of it throws.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadLanguage, locale } from '../src/language/language';
import { isolated, number, plural, worded } from '../src/language/text';
import { formatDay, formatInstant, formatLeaf, formatMoment, formatMomentIn, formatOwnTime, formatSpan, unknownZone } from '../src/time/format';
import { browserZone, knownZones, localTime, resolveLocalTime } from '../src/time/zone';
import { timeBars } from '../src/pages/Events/timeBars';

const noZones = ['posix/Europe/Berlin', 'Mars/Olympus', 'Etc/Unknown', '', ' Europe/Berlin', 'localtime', null, undefined, {}, 7];
const noTimes = ['', 'soon', '2026-13-40T99:99Z', '+999999-01-01', null, undefined, 'NaN', {}];

test('a zone that nobody knows has its times in UTC, and says so', () => {
  for (const zone of noZones) {
    assert.match(formatSpan('2026-07-01T18:00:00Z', '2026-07-01T20:00:00Z', zone), /18:00.*UTC/, String(zone));
    assert.equal(formatLeaf('2026-07-01T23:30:00Z', zone).day, '1');
    assert.match(formatMomentIn('2026-07-01T18:00:00Z', zone), /18:00 UTC/);
    assert.equal(unknownZone(zone), String(zone));
    assert.equal(localTime('2026-07-01T18:00:00Z', zone), '2026-07-01T18:00');
    assert.equal(resolveLocalTime('2026-07-01T18:00', zone).utc, '2026-07-01T18:00:00.000Z');
    formatOwnTime('2026-07-01T18:00:00Z', zone);
  }
  assert.equal(unknownZone('Europe/Berlin'), null);
  assert.ok(knownZones('Mars/Olympus').includes('Mars/Olympus'));
});

test('what is no time is shown as it was said', () => {
  for (const time of noTimes) {
    assert.equal(formatDay(time, 'Europe/Berlin'), String(time));
    formatMoment(time);
    formatSpan(time, time, 'Europe/Berlin');
    formatSpan('2026-07-01T18:00:00Z', time, 'Europe/Berlin');
    formatOwnTime(time, 'Europe/Berlin');
    assert.equal(formatLeaf(time, 'Europe/Berlin').day, '–');
    assert.equal(localTime(time, 'Europe/Berlin'), '');
    timeBars([{ at: time, count: 1 }], Date.parse(time));
  }
  assert.match(formatSpan('2026-07-01T18:00:00Z', '2026-07-01T17:00:00Z', 'UTC'), /18:00.*17:00/);
});

/** As a browser that reports these. */
async function speaking(languages, language) {
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { languages, language } });
  globalThis.document ??= { documentElement: {} };
  await loadLanguage();
}

test('languages of any name are spoken to, or passed over', async () => {
  for (const [languages, language, expected] of [
    [['en-US@posix'], 'en-US@posix', 'en-US'], [['de_AT.UTF-8'], undefined, 'de-AT'], [[], 'de-CH', 'de-CH'], [undefined, undefined, 'en-GB'], [null, 'C', 'en-GB'],
    [['', 'x', 'not a tag', '😀', 7, null, {}], '', 'en-GB'], [['den', 'enm'], 'enm', 'en-GB'], [['EN-au'], 'en', 'en-AU'], [['constructor'], '__proto__', 'en-GB'],
  ]) {
    await speaking(languages, language);
    assert.equal(locale(), expected, JSON.stringify(languages));
    assert.equal(number(0.5).length, 3);
    formatMoment('2026-07-01T18:00:00Z');
    plural('{count} place|{count} places', 1);
  }
  await speaking(['en-GB'], 'en-GB');
});

test('a browser that has no name for its zone has its times in UTC', (context) => {
  for (const zone of ['Etc/Unknown', undefined, '', 'Mars/Olympus', 7]) {
    const mock = context.mock.method(Intl.DateTimeFormat.prototype, 'resolvedOptions', () => ({ timeZone: zone }));
    assert.equal(browserZone(), null);
    assert.match(formatMoment('2026-07-01T18:00:00Z'), /18:00 UTC$/);
    assert.equal(formatOwnTime('2026-07-01T18:00:00Z', 'Asia/Tokyo'), null);
    mock.mock.restore();
  }
});

test('a code of a later version stands for itself', () => {
  assert.equal(worded({ draft: 'Draft' }, 'draft'), 'Draft');
  for (const code of ['postponed', 'constructor', '__proto__', 'toString']) assert.equal(worded({ draft: 'Draft' }, code), code);
});

test('what is written from right to left turns nothing around it', () => {
  assert.equal(isolated('Ada'), 'Ada');
  assert.equal(isolated('مريم'), '\u2068مريم\u2069');
  assert.equal(isolated('שירה 2'), '\u2068שירה 2\u2069');
});

test('a moment that a device noted is one, or a dash', () => {
  assert.match(formatInstant(86_400_000), /1970/);
  for (const moment of [Number.NaN, 1e20, -1e20, undefined, 'x']) assert.equal(formatInstant(moment), '–');
});
