// What the server can say to a page, found in its source, has German words; and no German words are kept for what it never says.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { words } from '../src/api/problem';
import { serverGerman } from '../src/language/serverGerman';
import { fieldWords, serverWords } from '../src/language/serverWords';
import { actionText } from '../src/pages/Operations/auditWords';
import { reasonText } from '../src/pages/Operations/deadLetterWords';
import { reasonWords } from '../src/pages/Integrations/subscriptionWords';
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
const isWords = (text) => / /.test(text) || /^[A-Z]/.test(text);

const rooms = ['Accounts', 'Events', 'Registrations', 'Tickets', 'CheckIn', 'Notifications', 'Integrations', 'Operations']
  .map((room) => `api-service/${room}`);

const said = {
  fields: literals(sources(...rooms, 'api-service/HTTP', 'Sources/Domain', 'Sources/Webhooks')).filter((text) => /^(is|must|can't|belongs) .*[^.]$/.test(text))
    // Of keys, messages and settings: operators read that, no page.
    .filter((text) => !/base64url|RFC 3339|amqp:/.test(text)),
  deliveries: literalsAt(source('notifications/Delivery/DeliverWebhook.swift'), /error: "[^"]+"|case [.\w, ]+: "[^"]+"/g).filter((text) => / /.test(text) || text === 'not sent'),
  mails: literalsAt(source('notifications/Delivery/SendEmail.swift'), /reason: "[^"]+"|(case [^:\n]+|\? ?|isOvertaken \?): ?"[^\n]+"|\? "[^"]+"/g).filter((text) => / /.test(text)),
  stops: literalsAt(source('Sources/Persistence/Integrations/WebhookStore+Settling.swift'), /reason: "[^\n]+/g)
    .concat(literalsAt(source('api-service/Integrations/SubscriptionJSON.swift'), /statusReason = [^\n]+/g)).filter(isWords),
  invariants: literals(source('Sources/Persistence/Operations/Invariants.swift').split('var meaning')[1].split('\n    }\n')[0]),
  titles: titles().filter(([slug]) => !words[slug]).map(([, title]) => title),
};

/** Each problem's slug and title. */
function titles() {
  const [slugs, names] = source('Sources/Domain/DomainError.swift').split('public var title');
  const by = (text) => Object.fromEntries([...text.matchAll(/case \.(\w+)[^:\n]*:\s*("[^\n]+")/g)].map(([, name, literal]) => [name, literals(literal)[0]]));
  const titleOf = by(names);
  const domain = Object.entries(by(slugs)).map(([name, slug]) => [slug, titleOf[name]]);
  const api = [...sources('api-service').matchAll(/APIProblem\(\s*("[a-z-]+"), \.\w+,\s*("(?:[^"\\]|\\.)+")/g)].map(([, slug, title]) => [literals(slug)[0], literals(title)[0]]);
  return [...domain, ...api];
}

const german = (text) => {
  const sample = text.replaceAll('{}', '7');
  return [sample, /^Nothing has arrived since/.test(text) ? reasonWords(text.replace('{}', '2026-05-01T18:00:00Z')) : serverWords(sample)];
};

for (const [what, texts] of Object.entries(said)) {
  test(`what the server says has German words: ${what}`, async () => {
    assert.ok(texts.length >= { stops: 3, deliveries: 7, mails: 9, invariants: 20, titles: 12, fields: 40 }[what], `${texts.length}: ${texts.join(' | ')}`);
    await speak('de');
    for (const text of texts) {
      const [sample, spoken] = german(text);
      assert.notEqual(spoken, sample, text);
    }
    await speak('en');
  });
}

test('every problem that the API documents is known here, or gateways and the socket answer it', () => {
  const documented = [...source('frontend/docs/problems.yaml').matchAll(/\{type: ([a-z-]+)/g)].map(([, slug]) => slug);
  const titled = new Set(titles().map(([slug]) => slug));
  const others = ['uri-too-long', 'headers-too-large', 'request-timeout', 'length-required', 'precondition-failed', 'range-not-satisfiable',
    'misdirected-request', 'http-version-not-supported', 'bad-gateway', 'gateway-timeout', 'bad-handshake', 'websocket-version', 'wrong-origin', 'too-many'];
  assert.deepEqual(documented.filter((slug) => !words[slug] && !titled.has(slug) && !others.includes(slug)), []);
});

test('no German is kept for what the server never says', () => {
  const all = new Set(Object.values(said).flat());
  const unsaid = Object.keys(serverGerman).filter((text) => !all.has(text) && ![...all].some((one) => pattern(one).test(text.replaceAll('{}', '7'))));
  assert.deepEqual(unsaid, []);
});

const pattern = (text) => new RegExp(`^${text.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replaceAll('{}', '.+')}$`);

test('the reasons for which workers give messages up have words', () => {
  const swift = sources('Sources/Messaging', 'notifications', 'ticket-worker');
  const codes = literalsAt(swift, /(?:retry|reject|postpone|dependencyAway)\([^\n]*reason:[^\n]*|let reason = [^\n]*/g).filter((text) => /^(?!em-)[a-z{}]+(-[a-z{}]+)*$/.test(text));
  assert.ok(codes.length >= 10, codes.join(' | '));
  assert.deepEqual(codes.filter((code) => reasonText(code.replaceAll('{}', '451')) === null), []);
});

test('what stands in the audit log has words', () => {
  const writers = files('api-service', 'Sources', 'notifications', 'ticket-worker').filter((swift) => /audit\??\.record|AuditStore/.test(swift));
  const actions = writers.flatMap(literals).filter((text) => /^[a-z-]+\.[a-z-]+$/.test(text) && !/\.(html|text|csv)$/.test(text));
  assert.ok(actions.length >= 45, actions.join(' | '));
  assert.deepEqual(actions.filter((action) => actionText(action) === null), []);
});

test('a sentence is made of what is said against a field; what is unknown stays as it was said', async () => {
  assert.equal(fieldWords('must be after the start'), 'This must be after the start.');
  assert.equal(fieldWords('must have 1 to 100 characters'), 'This must have 1 to 100 characters.');
  assert.equal(serverWords('no answer in time'), 'no answer in time');
  await speak('de');
  assert.equal(fieldWords('must be after the start'), 'Das muss nach dem Beginn liegen.');
  assert.equal(fieldWords('must be 1 to 1000000'), 'Das muss zwischen 1 und 1.000.000 liegen.');
  assert.equal(fieldWords('must lie between 1900 and 2200'), 'Das muss zwischen 1900 und 2200 liegen.');
  assert.equal(fieldWords('must be one of own, all'), 'Das muss eines von diesen sein: own, all.');
  assert.equal(fieldWords('must be something new'), 'This must be something new.');
  assert.equal(serverWords('451 4.3.2 Try later'), '451 4.3.2 Try later');
  await speak('en');
});
