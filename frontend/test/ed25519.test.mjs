import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decide, present } from '../src/gate/decide.ts';
import { TicketList } from '../src/gate/manifest.ts';
import { makeKey, manifest, ticket } from './gateWorld.mjs';

// What TweetNaCl takes for a sign that it runs in a browser.
globalThis.self = globalThis;

test('a browser whose WebCrypto has no Ed25519 decides the same', async (context) => {
  const asked = context.mock.method(crypto.subtle, 'importKey', () => Promise.reject(new DOMException('', 'NotSupportedError')));
  const list = new TicketList(manifest([]));
  const result = async (text) => decide(await present(text, list), list, null, Date.now()).answer.result;
  const good = ticket();
  assert.equal(await result(good.text), 'admitted');
  assert.equal(await result(ticket({ signedBy: { ...makeKey(), kid: good.key.kid } }).text), 'unknown');
  assert.equal(asked.mock.callCount(), 1);
});
