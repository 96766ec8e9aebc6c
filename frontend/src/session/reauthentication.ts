import { useSyncExternalStore } from 'react';

// Some requests need a sign-in that is only minutes old (403 `reauthentication-required`). They wait here until the
// password was entered again, all of them for the one dialog (components/Reauthentication.tsx).

interface Question {
  answered: Promise<boolean>;
  answer: (isProven: boolean) => void;
}

let question: Question | null = null;
let count = 0;
const listeners = new Set<() => void>();

function become(next: Question | null): void {
  question = next;
  for (const listener of [...listeners]) listener();
}

/** How often the password was entered again so far, to be noted before a request is sent. */
export function proofs(): number {
  return count;
}

/**
 * Whether the sign-in is recent now: asks for the password, unless that was entered after `before` was noted. False
 * when the dialog was dismissed, and at once where there is none (the check-in page).
 */
export function proveAgain(before: number): Promise<boolean> {
  if (count > before) return Promise.resolve(true);
  if (question !== null) return question.answered;
  if (listeners.size === 0) return Promise.resolve(false);
  let answer: Question['answer'] = () => undefined;
  const answered = new Promise<boolean>((resolve) => { answer = resolve; });
  become({ answered, answer });
  return answered;
}

/** Ends the question, if there is one: the requests that wait for it go on, or fail as they did. */
export function settle(isProven: boolean): void {
  const settled = question;
  if (settled === null) return;
  if (isProven) count += 1;
  become(null);
  settled.answer(isProven);
}

/** Called whenever a question is asked or settled. Returns how to stop that. */
export function onQuestion(listener: () => void): () => void {
  listeners.add(listener);
  return () => { listeners.delete(listener); };
}

export function useIsAsked(): boolean {
  return useSyncExternalStore(onQuestion, () => question !== null);
}
