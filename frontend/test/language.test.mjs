import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { german } from '../src/language/german';
import { catalogue } from '../src/language/language';
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
  const sources = readdirSync('src', { recursive: true }).filter((name) => /\.tsx?$/.test(name) && !/german/i.test(name));
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
