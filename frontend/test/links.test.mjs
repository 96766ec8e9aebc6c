import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linked } from '../src/components/links';

const links = (text) => linked(text).filter(({ href }) => href !== undefined).map(({ text: shown }) => shown);

test('an address in a sentence is a link, without the punctuation of the sentence', () => {
  for (const [text, expected] of [
    ['See https://example.org.', 'https://example.org'], ['(https://example.org/a)', 'https://example.org/a'], ['https://example.org/a, or', 'https://example.org/a'],
    ['“https://example.org/a”', 'https://example.org/a'], ['<https://example.org/a>', 'https://example.org/a'], ['https://example.org/?', 'https://example.org/'],
    ['https://de.wikipedia.org/wiki/Garden_(film).', 'https://de.wikipedia.org/wiki/Garden_(film)'], ['(https://example.org/a_(b))', 'https://example.org/a_(b)'],
    ['https://example.org/?a=1&b=(2)#c!', 'https://example.org/?a=1&b=(2)#c'], ['**https://example.org/**', 'https://example.org/'], ['https://example.org/a；', 'https://example.org/a'],
    ['「https://example.org/a」', 'https://example.org/a'], ['HTTPS://EXAMPLE.ORG/A', 'HTTPS://EXAMPLE.ORG/A'], ['http://[::1]:8080/x]', 'http://[::1]:8080/x'],
    ['https://bücher.example/ä', 'https://bücher.example/ä'], ["'https://example.org/it's'", "https://example.org/it's"], ['https://example.org/a…', 'https://example.org/a'],
  ]) {
    assert.deepEqual(links(text), [expected], text);
  }
  assert.deepEqual(links('https://a.example\nhttps://b.example https://c.example'), ['https://a.example', 'https://b.example', 'https://c.example']);
});

test('what is no address of the web, or leads elsewhere than it reads, is none', () => {
  for (const text of ['javascript:alert(1)', 'ftp://example.org', 'data:text/html,x', 'mailto:a@b.example', 'https://', 'https://.', 'xhttps://example.org', 'https:/example.org',
    'https://bank.example@evil.example/', 'http://user:pass@evil.example', 'https://exa mple', '//example.org', 'example.org']) {
    assert.deepEqual(links(text).filter((link) => link !== 'https://exa'), [], text);
  }
  // What turns the reading direction ends an address.
  assert.deepEqual(links('https://example.org/\u202egnp.exe'), ['https://example.org/']);
});

test('no word is lost, and the worst of texts takes no time', () => {
  for (const text of ['', 'plain', 'a https://example.org/. b', '(https://example.org/)\n\nhttps://x.example!']) assert.equal(linked(text).map((piece) => piece.text).join(''), text);
  const began = performance.now();
  for (const text of [`https://example.org/${')'.repeat(20_000)}`, 'https://'.repeat(2_500), 'https://a.b '.repeat(1_600), `https://${'('.repeat(10_000)}${')'.repeat(10_000)}`]) linked(text);
  assert.ok(performance.now() - began < 1_000);
});
