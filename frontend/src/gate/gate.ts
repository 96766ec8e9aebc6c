import { gates } from '../api/endpoints';
import { Problem } from '../api/problem';
import { tokens } from '../api/tokens';
import type { CheckInAnswer } from '../api/types';
import { newId } from '../identity/newId';
import { lastUser, restoreSession } from '../session/session';
import { serverNow } from '../time/serverClock';
import { decide, present, readScan, ticketOf } from './decide';
import { fetchManifest } from './fetchManifest';
import type { Progress } from './fetchManifest';
import { deviceName, readGate } from './gateMemory';
import { TicketList } from './manifest';
import { dropList, dropScan, isVolatile, keepList, keptList, keptScans, remember, settleOffline } from './store';
import type { KeptList, KeptScan } from './store';
import { synchronize } from './synchronize';
import { t } from '../language/text';

/** `signedOut`: the server can be reached, but doesn't know any more who is at this gate. */
export type Link = 'online' | 'offline' | 'signedOut';

export interface ShownScan {
  id: string;
  code: string;
  answer: CheckInAnswer;
  isOffline: boolean;
  /** How long the decision took, for Tests/Bench. */
  milliseconds: number;
}

export interface GateState {
  /** Whether what this device keeps has been read. */
  isReady: boolean;
  /** Whether what is kept is gone with the page: the browser allows nothing else. */
  isVolatile: boolean;
  link: Link;
  list: TicketList | null;
  /** When the list was last known to be the newest, on this device's clock. */
  fetchedAt: number | null;
  progress: Progress | null;
  unsynced: number;
  conflicts: KeptScan[];
  scans: ShownScan[];
  isDeciding: boolean;
  scanProblem: Problem | null;
  listProblem: Problem | null;
}

/** A guest waits at the door: after this the gate decides by itself, and the server is told afterwards. */
const patience = 3_000;
const listLifetime = 5 * 60_000;
const probeInterval = 4_000;
const shownScans = 8;
const waitingScans = 3;

/**
 * One event's gate on this device. The server decides as long as it answers; else the list does, and the scan waits for
 * the server in IndexedDB. A scan has one id either way, so that an answer that got lost costs nothing.
 */
export class Gate {
  state: GateState = {
    isReady: false, isVolatile: false, link: navigator.onLine ? 'online' : 'offline', list: null, fetchedAt: null, progress: null, unsynced: 0,
    conflicts: [], scans: [], isDeciding: false, scanProblem: null, listProblem: null,
  };
  private kept: KeptList | null = null;
  private readonly listeners = new Set<() => void>();
  private queue: Promise<void> = Promise.resolve();
  private waiting = 0;
  private catchingUp: Promise<void> | null = null;
  private readonly ends: (() => void)[] = [];

  constructor(readonly eventId: string) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => { this.listeners.delete(listener); };
  };

  start(): void {
    const reconnect = (): void => { void this.catchUp(); };
    const disconnect = (): void => this.change({ link: 'offline' });
    window.addEventListener('online', reconnect);
    window.addEventListener('offline', disconnect);
    const probe = setInterval(() => { if (this.needsServer()) reconnect(); }, probeInterval);
    this.ends.push(
      () => window.removeEventListener('online', reconnect), () => window.removeEventListener('offline', disconnect),
      () => clearInterval(probe), tokens.onChange(() => { if (tokens.held) reconnect(); }));
    void this.readKept().then(reconnect);
  }

  stop(): void {
    for (const end of this.ends.splice(0)) end();
  }

  /** Decides a scan once those before it are decided. More than a few waiting are dropped: nobody would know whose. */
  scan(code: string): Promise<void> {
    if (this.waiting >= waitingScans) return Promise.resolve();
    this.waiting += 1;
    this.queue = this.queue.then(async () => {
      this.change({ isDeciding: true, scanProblem: null });
      try {
        await this.decide(code);
      } catch (thrown) {
        this.change({ scanProblem: Problem.from(thrown) });
      } finally {
        this.waiting -= 1;
        this.change({ isDeciding: this.waiting > 0 });
      }
    });
    return this.queue;
  }

  /** Fetches the list if there is a newer one, and tells the server what it hasn't heard. */
  catchUp(): Promise<void> {
    this.catchingUp ??= this.reach().finally(() => { this.catchingUp = null; });
    return this.catchingUp;
  }

  async dismiss(scanId: string): Promise<void> {
    await dropScan(scanId);
    await this.recount();
  }

  private needsServer(): boolean {
    const { link, unsynced, fetchedAt, listProblem } = this.state;
    // What was refused isn't asked for again and again: somebody has to do something about it.
    if (link !== 'online' || listProblem !== null) return link === 'offline';
    return unsynced > 0 || Date.now() - (fetchedAt ?? 0) > listLifetime;
  }

  private async decide(text: string): Promise<void> {
    const code = await readScan(text, this.state.list);
    const scan = {
      scanId: newId(), eventId: this.eventId, code, gate: readGate().trim() || null, device: deviceName(),
      scannedAt: new Date(serverNow()).toISOString(),
    };
    const began = performance.now();
    const answer = this.state.link === 'online' ? await this.ask(scan) : null;
    const { list } = this.state;
    if (answer !== null) {
      this.show(scan, answer, false, began);
      const first = answer.result === 'admitted' ? { ...scan, at: answer.at ?? scan.scannedAt } : answer.firstScan;
      if (answer.ticketId && first) await remember(this.eventId, { ticketId: answer.ticketId, at: first.at, gate: first.gate, device: first.device });
    } else if (list === null) {
      throw new Problem(0, 'no-list', t('The server can’t be reached, and this device has no list of tickets to go by.'));
    } else {
      const alone = performance.now();
      const presented = await present(code, list);
      const decision = await settleOffline(ticketOf(presented, list), scan, (known) => decide(presented, list, known, serverNow()));
      this.show(scan, decision.answer, true, alone);
      if (decision.admits !== null) await this.recount();
    }
  }

  /** The server's decision; null when it can't be had now, which is noted. */
  private async ask({ eventId, ...scan }: { eventId: string } & Parameters<typeof gates.checkIn>[1]): Promise<CheckInAnswer | null> {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => { reject(Problem.offline()); abort.abort(); }, patience);
    });
    try {
      return await Promise.race([gates.checkIn(eventId, scan, abort.signal), late]);
    } catch (thrown) {
      if (!this.isAway(thrown)) throw thrown;
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  private async reach(): Promise<void> {
    if (!navigator.onLine) return this.change({ link: 'offline' });
    try {
      // Opened without a network, the page doesn't know its session yet.
      if (!tokens.held) await restoreSession(1);
      await this.refresh();
      await synchronize(this.eventId, () => this.recount());
      await this.recount();
      this.change({ link: 'online', listProblem: null });
    } catch (thrown) {
      if (this.isAway(thrown)) return;
      this.change({ listProblem: Problem.from(thrown), link: 'online' });
    } finally {
      this.change({ progress: null });
    }
  }

  private async refresh(): Promise<void> {
    const askedAt = Date.now();
    try {
      const manifest = await fetchManifest(this.eventId, this.kept?.manifest ?? null, (progress) => this.change({ progress }));
      if (manifest !== null) {
        const userId = lastUser() ?? '';
        const kept = { eventId: this.eventId, userId, fetchedAt: askedAt, manifest };
        await keepList(kept, askedAt);
        this.take(kept);
      }
      this.change({ fetchedAt: askedAt });
    } catch (thrown) {
      if (thrown instanceof Problem && (thrown.status === 403 || thrown.status === 404)) {
        await dropList(this.eventId);
        this.kept = null;
        this.change({ list: null, fetchedAt: null });
      }
      throw thrown;
    }
  }

  private take(kept: KeptList): void {
    this.kept = kept;
    this.change({ list: new TicketList(kept.manifest), fetchedAt: kept.fetchedAt });
  }

  private async readKept(): Promise<void> {
    try {
      const kept = await keptList(this.eventId);
      if (kept && kept.userId === lastUser()) this.take(kept);
      await this.recount();
    } catch (thrown) {
      this.change({ listProblem: Problem.from(thrown) });
    } finally {
      this.change({ isReady: true, isVolatile: isVolatile() });
    }
  }

  private async recount(): Promise<void> {
    const scans = await keptScans(this.eventId);
    const conflicts = scans.filter((scan) => scan.conflict !== null);
    this.change({ unsynced: scans.length - conflicts.length, conflicts });
  }

  /** Whether a failure means that the server can't be asked now; a refusal is none. */
  private isAway(thrown: unknown): boolean {
    if (!(thrown instanceof Problem)) return false;
    if (thrown.status === 401) this.change({ link: 'signedOut' });
    else if (thrown.slug === 'offline' || thrown.status === 429 || thrown.status >= 500) this.change({ link: 'offline' });
    else return false;
    return true;
  }

  private show(scan: { scanId: string; code: string }, answer: CheckInAnswer, isOffline: boolean, began: number): void {
    const shown = { id: scan.scanId, code: scan.code, answer, isOffline, milliseconds: performance.now() - began };
    this.change({ scans: [shown, ...this.state.scans].slice(0, shownScans) });
  }

  private change(next: Partial<GateState>): void {
    this.state = { ...this.state, ...next };
    for (const listener of [...this.listeners]) listener();
  }
}
