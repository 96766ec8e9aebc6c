import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBase64URL } from '../src/gate/base64url';

const alphabet = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'];

test('what base64url makes of bytes comes back', () => {
  for (let length = 0; length < 40; length += 1) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 37 + length * 101) % 256);
    assert.deepEqual(decodeBase64URL(Buffer.from(bytes).toString('base64url')), bytes);
  }
});

test('a value has one spelling: unused bits are zero (RFC 4648, section 3.5)', () => {
  for (const [start, length] of [['A', 1], ['_', 1], ['AA', 2], ['-_', 2], ['Zm9vA', 4], ['Zm9vAA', 5]]) {
    const read = alphabet.map((last) => start + last).filter((text) => decodeBase64URL(text) !== null);
    assert.deepEqual(read, read.map((text) => Buffer.from(text, 'base64url').toString('base64url')), start);
    // One value in 16 leaves four bits unused, one in 4 leaves two.
    assert.equal(read.length, length % 3 === 1 ? 4 : 16, start);
    for (const text of read) assert.equal(decodeBase64URL(text).length, length);
  }
});

test('what no bytes are written as is refused', () => {
  for (const text of ['A', 'AAAAA', 'AAAAAAAAA', 'AA==', 'AAA=', 'A A', 'AA\n', '+/+/', 'AAAA\u00e9', 'AB', 'AAB', 'AAAAAB']) {
    assert.equal(decodeBase64URL(text), null, JSON.stringify(text));
  }
});
