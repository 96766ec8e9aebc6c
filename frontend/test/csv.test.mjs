import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressesOf, readTable } from '../src/pages/organizer/csv';

const emails = (text) => addressesOf(readTable(text)).map(({ line, email }) => `${line} ${email}`);

test('a table is read as spreadsheets write it', () => {
  assert.deepEqual(readTable('\uFEFFname;email\r\n"Ünal; U.";u@example.org\r\n\r\n"said ""hi""";\n'),
    [['name', 'email'], ['Ünal; U.', 'u@example.org'], ['said "hi"', '']]);
  assert.deepEqual(readTable('a,"two\nlines",c'), [['a', 'two\nlines', 'c']]);
  assert.deepEqual(readTable(''), []);
});

test('the addresses are found, each once, with their lines', () => {
  assert.deepEqual(emails('Name,E-Mail\nAda,ada@example.org\nBea,bea@example.org\nAda,ADA@example.org\n'),
    ['2 ada@example.org', '3 bea@example.org']);
  assert.deepEqual(emails('ada@example.org\nbea@example.org'), ['1 ada@example.org', '2 bea@example.org']);
  assert.deepEqual(emails('1\tada@example.org\n2\tnot an address\n'), ['1 ada@example.org', '2 not an address']);
  assert.deepEqual(emails('name\nAda'), ['2 Ada']);
});
