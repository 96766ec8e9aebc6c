import { Problem } from './problem';
import { send } from './transport';
import type { AuthAnswer } from './types';

type Listener = () => void;

/**
 * Runs it while no other tab does. Web Locks exist in secure contexts only (HTTPS or localhost), and are refused where
 * storage is: then it runs all the same.
 */
async function alone<Value>(run: () => Promise<Value>): Promise<Value> {
  let started: Promise<Value> | null = null;
  const once = (): Promise<Value> => (started ??= run());
  try {
    if (navigator.locks) return await navigator.locks.request('em-refresh', once);
  } catch (thrown) {
    if (started !== null) throw thrown;
  }
  return once();
}

/**
 * Holds the access token: in this tab's memory and nowhere else. The refresh token is an HttpOnly cookie that no
 * script can read. At most one refresh is in flight, in this tab and (by a Web Lock) in all tabs of the browser:
 * refresh tokens rotate, and two tabs using the same one would look like theft and end the session.
 */
class Tokens {
  private token: string | null = null;
  /** On the clock that nobody sets (`performance.now`), so that a wrong wall clock does no harm. */
  private expiresAt = 0;
  /** How long before its end a token is replaced: half a minute, less for short-lived ones. */
  private margin = 0;
  private renewal: Promise<AuthAnswer> | null = null;
  private listeners = new Set<Listener>();
  private endListeners = new Set<Listener>();
  /** Rises when a session begins or ends, so that a late refresh of an earlier one is dropped. */
  private era = 0;

  get held(): boolean {
    return this.token !== null;
  }

  take(answer: AuthAnswer): void {
    this.era += 1;
    this.set(answer);
  }

  drop(): void {
    this.era += 1;
    this.set({});
  }

  /** A token that is good for at least some seconds; null without a session, or when the session turns out to be
   * over. Throws when the server can't be asked. */
  async current(): Promise<string | null> {
    if (this.token === null) {
      if (this.renewal === null) return null;
      await this.renewal.catch(() => undefined);
      return this.token;
    }
    if (performance.now() > this.expiresAt - this.margin / 3) {
      await this.renew().catch((thrown) => { if (this.held) throw thrown; });
    }
    return this.token;
  }

  /** Milliseconds until the token should be replaced. */
  get remaining(): number {
    return Math.max(0, this.expiresAt - this.margin - performance.now());
  }

  /** Trades the cookie for a new access token; all callers share the one request. */
  renew(): Promise<AuthAnswer> {
    this.renewal ??= this.requestRenewal().finally(() => { this.renewal = null; });
    return this.renewal;
  }

  /** Called whenever the token was replaced or dropped. */
  onChange(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => { this.listeners.delete(listener); };
  }

  /** Called when the session was ended from elsewhere, by its owner or an admin: not when it has run out. */
  onEndedElsewhere(listener: Listener): void {
    this.endListeners.add(listener);
  }

  endedElsewhere(): void {
    for (const listener of [...this.endListeners]) listener();
  }

  private async requestRenewal(): Promise<AuthAnswer> {
    const era = this.era;
    const ask = async (): Promise<AuthAnswer> => {
      const response = await send({ method: 'POST', path: '/auth/refresh', headers: { 'X-EM-CSRF': '1' } });
      return (await response.json()) as AuthAnswer;
    };
    try {
      const answer = await alone(ask);
      if (era === this.era) this.set(answer);
      return answer;
    } catch (thrown) {
      if (era === this.era && thrown instanceof Problem && thrown.status === 401) {
        this.set({});
        if (thrown.sessionEnded) this.endedElsewhere();
      }
      throw thrown;
    }
  }

  private set(answer: AuthAnswer): void {
    this.token = answer.accessToken ?? null;
    const lifetime = (answer.expiresIn ?? 0) * 1000;
    this.expiresAt = performance.now() + lifetime;
    this.margin = Math.min(30_000, lifetime / 2);
    for (const listener of [...this.listeners]) listener();
  }
}

export const tokens = new Tokens();
