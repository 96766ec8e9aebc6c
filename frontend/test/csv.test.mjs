import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressesOf, decodeFile, readTable } from '../src/pages/Registrations/csv';

const cells = (text) => readTable(text).map((row) => row.map((cell) => cell.text));
const read = (text) => addressesOf(readTable(text));
const emails = (text) => read(text).addresses.map(({ line, email }) => `${line} ${email}`);
const unreadable = (text) => read(text).unreadable.map(({ line, text }) => `${line} ${text}`);

test('a table is read as spreadsheets write it', () => {
  assert.deepEqual(cells('name;email\r\n"Ünal; U.";u@example.org\r\n\r\n"said ""hi""";\n'),
    [['name', 'email'], ['Ünal; U.', 'u@example.org'], ['said "hi"', '']]);
  assert.deepEqual(cells('a,"two\nlines",c'), [['a', 'two\nlines', 'c']]);
  assert.deepEqual(cells('a\tb, c\nd\te, f'), [['a', 'b, c'], ['d', 'e, f']]);
  assert.deepEqual(cells(''), []);
});

test('the addresses are found, each once, with their lines', () => {
  const table = 'Name,E-Mail\nAda,ada@example.org\n\nBea,bea@example.org\nAda,ADA@example.org\n';
  assert.deepEqual(emails(table), ['2 ada@example.org', '4 bea@example.org']);
  assert.deepEqual(read(table).leftOut, [{ line: 5, email: 'ADA@example.org', why: 'again' }]);
  assert.deepEqual(emails('ada@example.org\nbea@example.org'), ['1 ada@example.org', '2 bea@example.org']);
});

for (const [what, end] of [['CRLF', '\r\n'], ['LF', '\n'], ['CR', '\r']]) {
  test(`lines ended by ${what} have their true numbers, also behind quoted ones`, () => {
    const table = ['sep=;', 'Name;E-Mail', `"Two${end}lines";ada@example.org`, '', 'Bea;bea@example.org', `Carl;"c1@example.org${end}c2@example.org"`];
    assert.deepEqual(emails(table.join(end)), ['4 ada@example.org', '6 bea@example.org', '7 c1@example.org', '8 c2@example.org']);
  });
}

test('an address is found in any column and with anything around it', () => {
  const one = (cell) => emails(`1,${cell},x`).map((text) => text.slice(2));
  for (const cell of ['ada@example.org', '"Ada Able <ada@example.org>"', '"""Able, Ada"" <ada@example.org>"', 'mailto:ada@example.org', 'MAILTO:ada@example.org?subject=hi',
    '"<mailto:ada@example.org>"', 'ada@example.org.', '(ada@example.org)', "'ada@example.org'", '\u200bada@example.org\u00a0', 'ada＠example.org',
    '"=HYPERLINK(""mailto:ada@example.org"",""Ada"")"', 'Ada Able [ada@example.org]', 'ada@example.org\u2069']) {
    assert.deepEqual(one(cell), ['ada@example.org'], cell);
  }
  assert.deepEqual(one('o\'brien+a_b.c@sub.example.org'), ['o\'brien+a_b.c@sub.example.org']);
  assert.deepEqual(one('jürgen@bücher.example'), ['jürgen@bücher.example']);
  assert.deepEqual(one('用户@例子.中国'), ['用户@例子.中国']);
  assert.deepEqual(one('mailto:ada@example.org?cc=bea@example.org'), ['ada@example.org', 'bea@example.org']);
});

test('several addresses in a cell are several people', () => {
  for (const between of [',', ', ', ';', '; ', '\n', '\r\n', '\r', ' ', ' / ', ' ::: ', ' or ']) {
    assert.deepEqual(read(`Name;Mail\nAda;"ada@example.org${between}bea@example.org"`).addresses.map(({ email }) => email),
      ['ada@example.org', 'bea@example.org'], JSON.stringify(between));
  }
});

test('lists of Google and Outlook are read', () => {
  const google = 'First Name,Last Name,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value,Phone 1 - Value\r\n'
    + 'Ada,Able,* Home,ada@example.org ::: a2@example.org,Work,ada@work.example,+49 40 1\r\nBea,Brave,* Work,bea@example.org,,,\r\n';
  assert.deepEqual(emails(google), ['2 ada@example.org', '2 a2@example.org', '2 ada@work.example', '3 bea@example.org']);
  assert.deepEqual(unreadable(google), []);
  const outlook = '"First Name","E-mail Address","E-mail Type","E-mail Display Name","Notes"\r\n'
    + '"Ada","ada@example.org","SMTP","Ada Able (ada@example.org)","came @ noon"\r\n"Bea","bea@example.org","SMTP","Bea (bea@example.org)",""\r\n';
  assert.deepEqual(emails(outlook), ['2 ada@example.org', '3 bea@example.org']);
  assert.deepEqual(unreadable(outlook), []);
});

test('what is no address is told of, with its line', () => {
  assert.deepEqual(unreadable('1\tada@example.org\n2\tnot an address\n'), ['2 not an address']);
  assert.deepEqual(unreadable('E-Mail\nada@example.org\nbea@\n@carl\n'), ['3 bea@', '4 @carl']);
  assert.deepEqual(unreadable('bea(at)example.org\nada@example.org'), ['1 bea(at)example.org']);
  assert.deepEqual(unreadable('Name,E-Mail\nAda,ada@example.org\nCarl,\n'), ['3 Carl']);
  assert.deepEqual(unreadable('E-Mail\n"ada@example.org; bea@; carl@example.org"\n'), ['2 bea@']);
  assert.deepEqual(emails('E-Mail\n"ada@example.org; bea@; carl@example.org"\n'), ['2 ada@example.org', '2 carl@example.org']);
  assert.deepEqual(read('name\nAda').addresses, []);
});

test('our own export goes back in as it is', () => {
  const head = 'registration,status,position,registered at,name,email,ticket code,ticket status,checked in at\r\n';
  const line = (status, name, email) => `01a2,${status},,2026-05-01T10:00:00Z,${name},${email},ABCD-EFGH-JKMN,valid,\r\n`;
  const table = `\uFEFF${head}${line('confirmed', "'=SUM(A1)", "'+ada@example.org")}${line('waitlisted', '"Bea @ work, late"', 'bea@example.org')}`
    + `${line('confirmed', '"two\r\nlines"', "'-carl@example.org")}${line('cancelled', 'Dora', 'dora@example.org')}${line('confirmed', "O'Hara", "o'hara@example.org")}`;
  const reading = addressesOf(readTable(decodeFile(new TextEncoder().encode(table))));
  assert.deepEqual(reading.addresses.map(({ line, email }) => `${line} ${email}`),
    ['2 +ada@example.org', '3 bea@example.org', '5 -carl@example.org', "7 o'hara@example.org"]);
  assert.deepEqual(reading.leftOut, [{ line: 6, email: 'dora@example.org', why: 'cancelled' }]);
  assert.deepEqual(reading.unreadable, []);
});

test('a file is read in whatever way it was written', () => {
  // Node's decoder knows no more of windows-1252 than Latin-1.
  const text = 'Name;E-Mail\r\nJürgen Größe;jürgen@example.org\r\n';
  const wide = (littleEndian) => {
    const bytes = new DataView(new ArrayBuffer(text.length * 2));
    [...text].forEach((letter, index) => bytes.setUint16(index * 2, letter.charCodeAt(0), littleEndian));
    return [...new Uint8Array(bytes.buffer)];
  };
  const windows = [...text].map((letter) => letter.charCodeAt(0));
  const utf8 = [...new TextEncoder().encode(text)];
  for (const [what, bytes] of Object.entries({
    'UTF-8': utf8, 'UTF-8 with its mark': [0xef, 0xbb, 0xbf, ...utf8], 'UTF-16 LE': wide(true), 'UTF-16 BE': wide(false),
    'UTF-16 LE with its mark': [0xff, 0xfe, ...wide(true)], 'UTF-16 BE with its mark': [0xfe, 0xff, ...wide(false)], 'windows-1252': windows,
  })) {
    assert.equal(decodeFile(new Uint8Array(bytes)), text, what);
  }
});
