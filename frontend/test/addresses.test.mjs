import assert from 'node:assert/strict';
import { test } from 'node:test';
import { safeNext } from '../src/routing/safeNext';
import { tidied } from '../src/routing/tidy';

test('after signing in, paths of ours are followed', () => {
  for (const next of ['/', '/tickets', '/events/01a2?x=1', '/?query=a%20b&when=week', '/events/1#about', '/?query=%E2%82%AC', '/?query=https%3A%2F%2Fexample.org', '/?query=100%']) {
    assert.equal(safeNext(next), next, next);
  }
});

test('whatever leads elsewhere, however it is written, leads home', () => {
  for (const next of [null, '', 'tickets', 'https://evil.example', '//evil.example', '/\\evil.example', '\\\\evil.example', '/\t/evil.example', '/\n/evil.example', '/\r\n/evil.example',
    '\t//evil.example', ' //evil.example', '/\u0000/evil.example', '/%2Fevil.example', '/%5Cevil.example', '/%09/evil.example', '/%0A/evil.example', '/%0d%0aLocation:x', '/%252Fevil.example',
    '/%25252Fevil.example', 'javascript:alert(1)', '/x\u007f', '/x\u0085', '/a\\b', '///evil.example', '/\u2028/evil.example'.replace('\u2028', '\u0009'), '/%2F%2Fevil.example', 'data:,x']) {
    assert.equal(safeNext(next), '/', JSON.stringify(next));
  }
});

test('what a mail program glued to a link is taken off', () => {
  const id = '/events/01a2c3d4-0000-7000-8000-00000000000f';
  for (const end of ['.', ',', ')', '>', '%3E', '%29', ').', '%22', '”', '%E2%80%9D', ';', '!', '?', ':', "'", '*', '_', ']', '%20', '。', '...', '%3E.', '*.']) assert.equal(tidied(id + end), id, end);
  for (const path of [id, '/', '/organizer/events/1/check-in', '/nothing/here', '/%', '/%E2']) assert.equal(tidied(path), path);
});
