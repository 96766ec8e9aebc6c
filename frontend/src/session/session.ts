import { useSyncExternalStore } from 'react';
import { auth } from '../api/endpoints';
import { clearCache } from '../api/cache';
import { Problem } from '../api/problem';
import { tokens } from '../api/tokens';
import { adoptLanguage, catalogue } from '../language/language';
import { forgetTickets } from '../offline/keptTickets';
import { backoff } from '../live/updates';
import type { AuthAnswer, User } from '../api/types';

/**
 * `expired`: the session ended by itself (not by signing out); the user stays known so that no page is torn down
 * under somebody's hands, and signing in again goes on where they were. `unreachable`: somebody was signed in, and the
 * server can't be asked whether they still are; it is asked again by and by.
 */
export type Session =
  | { status: 'restoring' | 'anonymous' | 'unreachable'; user: null }
  | { status: 'signedIn' | 'expired'; user: User };

/** Says in this browser (not who, not by what secret) that a session may exist, so that strangers needn't ask. */
const hintKey = 'em.session';

let session: Session = { status: 'anonymous', user: null };
let retry: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

function become(next: Session): void {
  const changesPerson = next.user?.id !== session.user?.id;
  session = next;
  if (changesPerson) clearCache();
  for (const listener of [...listeners]) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => { listeners.delete(listener); };
}

export function useSession(): Session {
  return useSyncExternalStore(subscribe, () => session);
}

/**
 * Takes up the session that the cookie stands for, if there is one. While the server can't say, the app goes on as a
 * stranger's and asks again, ever less often. `again`: also when somebody is signed in, whose account has changed.
 */
export async function restoreSession(attempt = 0, again = false): Promise<void> {
  if (readHint() === null || (session.user !== null && !again)) return;
  clearTimeout(retry);
  if (attempt === 0 && !again) become({ status: 'restoring', user: null });
  try {
    const { user } = await tokens.renew();
    if (user) become({ status: 'signedIn', user });
  } catch (thrown) {
    const isOver = thrown instanceof Problem && thrown.status === 401;
    become({ status: isOver ? 'anonymous' : 'unreachable', user: null });
    if (isOver) writeHint(null);
    else retry = setTimeout(() => void restoreSession(attempt + 1), 1_000 + backoff(attempt + 1));
  }
}

/** Returns false when the server wants the address verified first. */
function enter(answer: AuthAnswer): boolean {
  if (!answer.accessToken || !answer.user) return false;
  tokens.take(answer);
  become({ status: 'signedIn', user: answer.user });
  writeHint(answer.user.id);
  return true;
}

/** Goes on with the session that the server opened in place of this one (after a new password). */
export function renewSession(answer: AuthAnswer): void { enter(answer); }

export async function signIn(email: string, password: string): Promise<void> {
  const answer = await auth.login({ email, password });
  enter(answer);
  if (answer.user) await adoptLanguage(answer.user.language);
}

/** By the token of a link that signs in once. */
export async function signInByLink(token: string): Promise<void> {
  const answer = await auth.signInByLink(token);
  enter(answer);
  if (answer.user) await adoptLanguage(answer.user.language);
}

export async function signUp(displayName: string, email: string, password: string): Promise<boolean> {
  return enter(await auth.register({ displayName, email, password, language: catalogue().language }));
}

export async function signOut(): Promise<void> {
  try {
    await auth.logout();
  } catch (thrown) {
    // A session that is over already is what was asked for; anything else must be said.
    if (!(thrown instanceof Problem) || thrown.status !== 401) throw thrown;
  }
  forget();
}

/** Leaves a session that has expired, without asking the server. */
export function forget(): void {
  tokens.drop();
  writeHint(null);
  clearDevice();
  become({ status: 'anonymous', user: null });
}

/** Takes away what this browser kept of a person: tickets, and lists of names for the gate. */
function clearDevice(): void {
  forgetTickets();
  void import('../gate/store').then((store) => store.forgetLists()).catch(() => undefined);
}

// Whoever ended the session from elsewhere may have lost this device: nothing of theirs stays, neither here nor on the
// screen. A session that only ran out leaves its tickets here.
tokens.onEndedElsewhere(() => {
  writeHint(null);
  clearDevice();
  become({ status: 'anonymous', user: null });
});

tokens.onChange(() => {
  if (!tokens.held && session.status === 'signedIn') become({ status: 'expired', user: session.user });
});

// With the network the session comes back at once, not when its turn is.
window.addEventListener('online', () => { if (session.status === 'unreachable') void restoreSession(); });

// Tabs agree: signing in or out elsewhere shows here.
window.addEventListener('storage', (event) => {
  if (event.key !== hintKey) return;
  if (event.newValue === null) {
    tokens.drop();
    become({ status: 'anonymous', user: null });
  } else if (event.newValue !== session.user?.id) {
    // Somebody signed in elsewhere, perhaps somebody else: what this tab shows must become theirs.
    tokens.drop();
    become({ status: 'anonymous', user: null });
    void restoreSession();
  }
});

/** Who is signed in, or was when the server could last be asked; null after signing out. */
export function lastUser(): string | null {
  return session.user?.id ?? readHint();
}

// Storage may be forbidden by the browser's settings; then the cookie is simply always asked.
function readHint(): string | null {
  try { return localStorage.getItem(hintKey); } catch { return 'unknown'; }
}

function writeHint(user: string | null): void {
  try {
    if (user === null) localStorage.removeItem(hintKey);
    else localStorage.setItem(hintKey, user);
  } catch { /* see readHint */ }
}
