import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { german } from '../src/language/german';
import { catalogue } from '../src/language/language';
import { serverWords } from '../src/language/serverWords';
import { number, plural, t } from '../src/language/text';
import { speak } from './spoken.mjs';

const holes = (text) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();

test('a translation has the holes and the plural forms of its text', () => {
  for (const [text, translated] of Object.entries(german)) {
    assert.deepEqual(holes(translated), holes(text), text);
    assert.equal(translated.split('|').length, text.split('|').length, text);
    assert.ok(translated.trim(), text);
  }
});

test('no text is kept that no page says', () => {
  const sources = readdirSync('src', { recursive: true }).filter((name) => /\.tsx?$/.test(name) && !name.includes('german'));
  const said = sources.map((name) => readFileSync(`src/${name}`, 'utf8')).join('\n');
  const unsaid = Object.keys(german).filter((text) => !said.includes(`'${text.replaceAll("'", "\\'")}'`) && !said.includes(`"${text}"`)
    && !new RegExp(`\\b${text}:`).test(said));
  assert.deepEqual(unsaid, []);
});

test('texts are filled, and numbers are written as in their language', async () => {
  assert.equal(catalogue().language, 'en');
  assert.equal(t('{confirmed} of {capacity} places taken', { confirmed: 1234, capacity: 5000 }), '1,234 of 5,000 places taken');
  assert.equal(plural('{count} place|{count} places', 1), '1 place');
  assert.equal(plural('{count} place|{count} places', 0), '0 places');
  await speak('de');
  assert.equal(t('{confirmed} of {capacity} places taken', { confirmed: 1234, capacity: 5000 }), '1.234 von 5.000 Plätzen belegt');
  assert.equal(plural('{count} place|{count} places', 1), '1 Platz');
  assert.equal(plural('{count} place|{count} places', 2), '2 Plätze');
  assert.equal(number(0.5), '0,5');
  await speak('en');
});

test('what the API says against a field is a sentence, translated where it is known', async () => {
  assert.equal(serverWords('must be after the start'), 'This must be after the start.');
  assert.equal(serverWords('must have 1 to 100 characters'), 'This must have 1 to 100 characters.');
  await speak('de');
  assert.equal(serverWords('must be after the start'), 'Das muss nach dem Beginn liegen.');
  assert.equal(serverWords('must have 1 to 100 characters'), 'Das muss 1 bis 100 Zeichen haben.');
  assert.equal(serverWords('must be something new'), 'This must be something new.');
  await speak('en');
});
