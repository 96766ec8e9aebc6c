// Requests that need a recent sign-in wait for one question, and are repeated once it was answered.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from '../src/api/client';
import { onQuestion, proofs, proveAgain, settle } from '../src/session/reauthentication';

/** A server that refuses until the sign-in is recent, and counts what it was asked. */
function refusing(context) {
  const server = { isRecent: false, asked: 0 };
  context.mock.method(globalThis, 'fetch', async (address, { signal }) => {
    signal?.throwIfAborted();
    server.asked += 1;
    if (server.isRecent) return new Response('{}', { headers: { 'Content-Type': 'application/json' } });
    const problem = JSON.stringify({ type: 'reauthentication-required', status: 403 });
    return new Response(problem, { status: 403, headers: { 'Content-Type': 'application/problem+json' } });
  });
  return server;
}

/** Counts the questions, and answers each in a moment. */
function answering(context, answer) {
  const seen = { questions: 0 };
  let isOpen = false;
  context.after(onQuestion(() => {
    isOpen = !isOpen;
    if (!isOpen) return;
    seen.questions += 1;
    setTimeout(answer, 5);
  }));
  return seen;
}

const call = { method: 'POST', path: '/api-keys', body: {} };
const refused = { slug: 'reauthentication-required', status: 403 };

test('several requests wait for one question, and each is repeated once', async (context) => {
  const server = refusing(context);
  const seen = answering(context, () => {
    server.isRecent = true;
    settle(true);
  });
  const answers = await Promise.all([request(call), request(call), request(call)]);
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200]);
  assert.equal(seen.questions, 1);
  assert.equal(server.asked, 6);
});

test('declined, they fail as they did', async (context) => {
  const server = refusing(context);
  const seen = answering(context, () => settle(false));
  await Promise.all([assert.rejects(request(call), refused), assert.rejects(request(call), refused)]);
  assert.equal(seen.questions, 1);
  assert.equal(server.asked, 2);
});

test('one that is refused after all is not asked about a second time', async (context) => {
  const server = refusing(context);
  const seen = answering(context, () => settle(true));
  await assert.rejects(request(call), refused);
  assert.equal(seen.questions, 1);
  assert.equal(server.asked, 2);
});

test('where nothing can ask, they fail at once', async (context) => {
  const server = refusing(context);
  await assert.rejects(request(call), refused);
  assert.equal(server.asked, 1);
});

test('a refusal that comes after the password was entered is not asked about', async (context) => {
  const before = proofs();
  const seen = answering(context, () => settle(true));
  assert.equal(await proveAgain(before), true);
  assert.equal(await proveAgain(before), true);
  assert.equal(seen.questions, 1);
  assert.equal(await proveAgain(proofs()), true);
  assert.equal(seen.questions, 2);
});
