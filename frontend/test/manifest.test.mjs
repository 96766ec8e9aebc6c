import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conflictOf } from '../src/gate/conflict.ts';
import { asManifest, manifestType } from '../src/gate/manifest.ts';
import { verifiedPayload } from '../src/gate/signedDocument.ts';
import { Sightings } from '../src/gate/sightings.ts';
import { eventId, key, makeKey, manifest, signedJSON } from './gateWorld.mjs';

const keys = [{ kid: 'service', kty: 'OKP', crv: 'Ed25519', x: key.publicKey }];

test('a list signed by the service is read, for its own event only', async () => {
  const list = manifest([], { title: 'Größe 日本' });
  const payload = await verifiedPayload(signedJSON(list), manifestType, keys);
  assert.deepEqual(asManifest(payload, eventId), list);
  assert.equal(asManifest(payload, '00000000-0000-4000-8000-000000000000'), null);
  assert.equal(asManifest(null, eventId), null);
});

test('a list that was changed, or signed by another key, for another purpose or by another algorithm is refused', async () => {
  const good = signedJSON(manifest([]));
  const [head, body, tail] = good.split('.');
  const changed = Buffer.from(JSON.stringify(manifest([], { title: 'Mine' }))).toString('base64url');
  for (const [why, text] of Object.entries({
    changed: `${head}.${changed}.${tail}`, unsigned: `${head}.${body}.`, cut: `${head}.${body}`, longer: `${good}.x`,
    stranger: signedJSON(manifest([]), { by: makeKey() }), 'unknown key': signedJSON(manifest([]), { kid: 'other' }),
    'access token': signedJSON(manifest([]), { type: 'at+jwt' }), none: signedJSON(manifest([]), { alg: 'none' }), nothing: '', words: 'a.b.c',
  })) {
    assert.equal(await verifiedPayload(text, manifestType, keys), null, why);
  }
});

test('one look at a code is one scan, until it was out of sight for a while', () => {
  const sightings = new Sightings(1_000);
  const seen = [['a', 0], ['a', 900], ['a', 1_800], ['b', 1_900], ['a', 2_000], ['a', 2_999], ['a', 3_999], ['a', 5_000]];
  assert.deepEqual(seen.map(([text, at]) => sightings.isNew(text, at)), [true, false, false, true, true, false, true, true]);
});

test('the server’s answer to a scan that let somebody in is a conflict unless it let them in by this scan alone', () => {
  const other = { at: '2031-05-01T16:00:00.000Z', gate: 'South', device: 'browser 2' };
  assert.equal(conflictOf({ scanId: '1', result: 'admitted' }), null);
  assert.deepEqual(conflictOf({ scanId: '1', result: 'admitted', conflict: other }), { result: 'admitted', other });
  assert.deepEqual(conflictOf({ scanId: '1', result: 'duplicate', firstScan: other }), { result: 'duplicate', other });
  assert.deepEqual(conflictOf({ scanId: '1', result: 'revoked' }), { result: 'revoked', other: null });
});
