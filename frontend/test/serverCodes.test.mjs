// What the server's codes are called on the pages. That each documented code has a text, the types prove; what the server can say
// beyond them is found in its source.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readProblem } from '../src/api/problem';
import { fieldErrorText } from '../src/language/fieldErrors';
import { reasonWords } from '../src/pages/Integrations/subscriptionWords';
import { actionText } from '../src/pages/Operations/auditWords';
import { reasonText } from '../src/pages/Operations/deadLetterWords';
import { speak } from './spoken.mjs';

const source = (path) => readFileSync(`../${path}`, 'utf8');
const files = (...folders) => folders.flatMap((folder) => readdirSync(`../${folder}`, { recursive: true })
  .filter((name) => name.endsWith('.swift')).map((name) => source(`${folder}/${name}`)));
const sources = (...folders) => files(...folders).join('\n');

/** The text literals of Swift, `{}` for what is put into them. */
function literals(swift) {
  const found = [];
  const plain = swift.replace(/^\s*\/\/.*$/gm, '').replace(/"""[^]*?"""|#".*?"#/g, '');
  for (let at = plain.indexOf('"'); at >= 0; at = plain.indexOf('"', at + 1)) {
    let text = '';
    for (at += 1; at < plain.length && plain[at] !== '"'; at += 1) {
      if (plain[at] !== '\\') { text += plain[at]; continue; }
      at += 1;
      if (plain[at] !== '(') { text += plain[at]; continue; }
      for (let open = 1; open > 0 && at < plain.length;) {
        at += 1;
        open += { '(': 1, ')': -1 }[plain[at]] ?? 0;
      }
      text += '{}';
    }
    found.push(text);
  }
  return found;
}

/** The literals in those parts of a source that the pattern finds. */
const literalsAt = (swift, pattern) => [...swift.matchAll(pattern)].flatMap(([part]) => literals(part));

test('the reasons for which workers give messages up have words', () => {
  const swift = sources('Sources/Messaging', 'notifications', 'ticket-worker');
  const codes = literalsAt(swift, /(?:retry|park|postpone|dependencyUnreachable)\([^\n]*reason:[^\n]*|let reason = [^\n]*/g).filter((text) => /^(?!em-)[a-z{}]+(-[a-z{}]+)*$/.test(text));
  assert.ok(codes.length >= 10, codes.join(' | '));
  assert.deepEqual(codes.filter((code) => reasonText(code.replaceAll('{}', '451')) === null), []);
});

test('what stands in the audit log has words', () => {
  const writers = files('api-service', 'Sources', 'notifications', 'ticket-worker').filter((swift) => /audit\??\.record|AuditStore|AuditRecord\(/.test(swift));
  const actions = writers.flatMap(literals).filter((text) => /^[a-z-]+\.[a-z-]+$/.test(text) && !/\.(html|text|csv)$/.test(text));
  assert.ok(actions.length >= 45, actions.join(' | '));
  assert.deepEqual(actions.filter((action) => actionText(action) === null), []);
});

const problem = (document, status = 422) => readProblem(new Response(JSON.stringify(document), { status, headers: { 'Content-Type': 'application/problem+json' } }));

test('a field error is phrased by its code and parameters, never by the server’s sentence', async () => {
  const tooLong = { field: 'title', code: 'too-long', message: 'must be at most 20000 characters', parameters: { maximum: 20000 } };
  const unknown = { field: 'scope', code: 'unknown-value', message: 'must be one of: own, all', parameters: { values: ['own', 'all'] } };
  assert.equal(fieldErrorText(tooLong), 'Enter at most 20,000 characters.');
  assert.equal(fieldErrorText({ ...tooLong, message: 'is something else' }), 'Enter at most 20,000 characters.');
  assert.equal(fieldErrorText({ field: 'startsAt', code: 'out-of-range', message: 'must be between the years 1900 and 2199' }), 'This is out of range.');
  assert.equal(fieldErrorText(unknown), 'Choose from: own, all.');
  await speak('de');
  assert.equal(fieldErrorText(tooLong), 'Geben Sie höchstens 20.000 Zeichen ein.');
  assert.equal(fieldErrorText(unknown), 'Wählen Sie aus: own, all.');
  assert.equal(fieldErrorText({ field: 'email', code: 'not-an-email', message: 'must be an email address' }), 'Geben Sie eine gültige E-Mail-Adresse ein.');
  await speak('en');
});

test('what a newer server calls by a code that the page does not know is said in its words', async () => {
  assert.equal(fieldErrorText({ field: 'title', code: 'too-loud', message: 'must be quieter' }), 'This must be quieter.');
  assert.equal((await problem({ type: 'moved-away', title: 'It has moved.', status: 409 }, 409)).message, 'It has moved.');
  assert.equal((await problem({ type: 'constructor', title: 'No type of ours.', status: 409 }, 409)).message, 'No type of ours.');
  assert.equal((await problem({}, 418)).message, 'The server answered with an error (418).');
});

test('a problem is named by its type, in the language that is spoken', async () => {
  const full = { type: 'full', title: 'This event is full.', status: 409 };
  assert.equal((await problem(full, 409)).message, 'Sorry, this event is full.');
  await speak('de');
  assert.equal((await problem({ ...full, title: 'Other words.' }, 409)).message, 'Diese Veranstaltung ist leider ausgebucht.');
  await speak('en');
});

test('why a subscription is not active is said by its code', async () => {
  const stopped = { statusReason: 'Nothing has been delivered.', statusReasonCode: 'nothing-delivered', failingSince: null };
  assert.equal(reasonWords(stopped), 'Nothing could be delivered.');
  assert.match(reasonWords({ ...stopped, failingSince: '2026-05-01T18:00:00Z' }), /^Nothing has arrived since .*2026/);
  assert.equal(reasonWords({ statusReason: null, statusReasonCode: null, failingSince: null }), null);
});
