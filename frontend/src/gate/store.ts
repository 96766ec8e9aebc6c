import type { Conflict } from './conflict';
import type { Admission, Decision } from './decide';
import type { Manifest } from './manifest';

// What a gate keeps on the device (IndexedDB, or its memory where that is forbidden): lists of tickets, who was let in,
// and scans that the server hasn't heard of. A scan is on the disk before its result is shown, and two windows of one
// browser can't admit one ticket twice: looking and remembering is one transaction.

export interface KeptList {
  eventId: string;
  /** Who fetched it: it holds names, and is shown to nobody else. */
  userId: string;
  fetchedAt: number;
  manifest: Manifest;
}

/** A scan that let somebody in without the server: waiting to be told, or told and in conflict. */
export interface KeptScan {
  scanId: string;
  eventId: string;
  ticketId: string;
  code: string;
  name: string | null;
  gate: string | null;
  device: string;
  scannedAt: string;
  conflict: Conflict | null;
}

interface KeptAdmission extends Admission {
  eventId: string;
  /** When the server knew of it, on this device's clock; null until then. */
  toldAt: number | null;
}

type Stores = 'lists' | 'scans' | 'admissions';
type Kept = KeptList | KeptScan | KeptAdmission;

/** What a transaction can do with one of the stores. It may only wait for these. */
interface Store {
  get: (key: string) => Promise<unknown>;
  all: () => Promise<unknown[]>;
  ofEvent: (eventId: string) => Promise<unknown[]>;
  put: (value: Kept) => void;
  delete: (key: string) => void;
  clear: () => void;
}

type Work<Value> = (store: (name: Stores) => Store) => Promise<Value> | Value;

const name = 'em-gate';
const version = 1;
let opened: Promise<IDBDatabase> | null = null;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(name, version);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('lists', { keyPath: 'eventId' });
      request.result.createObjectStore('scans', { keyPath: 'scanId' }).createIndex('event', 'eventId');
      request.result.createObjectStore('admissions', { keyPath: 'ticketId' }).createIndex('event', 'eventId');
    };
    request.onsuccess = () => {
      // A later version in another window may need the database for itself.
      request.result.onversionchange = () => { request.result.close(); opened = null; };
      resolve(request.result);
    };
    request.onerror = () => reject(request.error ?? new Error('no database'));
  });
  return opened;
}

/** In the place of the disk, where a browser's settings forbid it: as long as the page is open. */
let memory: Memory | null = null;

/** Whether nothing outlives this page. */
export function isVolatile(): boolean {
  return memory !== null;
}

/** One transaction; it is over when the promise is. `work` may only wait for requests of its own. */
async function transaction<Value>(stores: Stores[], mode: IDBTransactionMode, work: Work<Value>): Promise<Value> {
  if (memory !== null) return memory.transaction(work);
  let database: IDBDatabase;
  try {
    database = await open();
  } catch (thrown) {
    console.info('This browser keeps nothing.', thrown);
    memory ??= new Memory();
    return memory.transaction(work);
  }
  return new Promise<Value>((resolve, reject) => {
    // Strict: on the disk, not only with the operating system, since a phone's battery ends without warning.
    const under = database.transaction(stores, mode, { durability: 'strict' } as IDBTransactionOptions);
    let value: Value;
    under.oncomplete = () => resolve(value);
    under.onabort = () => reject(under.error ?? new Error('the transaction was aborted'));
    Promise.resolve(work((one) => onDisk(under.objectStore(one)))).then(
      (made) => { value = made; },
      (thrown) => { try { under.abort(); } catch { /* it is over already */ } reject(thrown); },
    );
  });
}

function onDisk(store: IDBObjectStore): Store {
  return {
    get: (key) => done(store.get(key)),
    all: () => done(store.getAll()),
    ofEvent: (eventId) => done(store.index('event').getAll(eventId)),
    put: (value) => { store.put(value); },
    delete: (key) => { store.delete(key); },
    clear: () => { store.clear(); },
  };
}

function done<Value>(request: IDBRequest<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** The same stores without a disk. One transaction after the other, each whole or not at all. */
class Memory {
  private stores: Record<Stores, Map<string, Kept>> = { lists: new Map(), scans: new Map(), admissions: new Map() };
  private last: Promise<unknown> = Promise.resolve();

  transaction<Value>(work: Work<Value>): Promise<Value> {
    const run = async (): Promise<Value> => {
      const { lists, scans, admissions } = this.stores;
      const before = { lists: new Map(lists), scans: new Map(scans), admissions: new Map(admissions) };
      try {
        return await work((one) => this.store(one));
      } catch (thrown) {
        this.stores = before;
        throw thrown;
      }
    };
    const turn = this.last.then(run);
    this.last = turn.catch(() => undefined);
    return turn;
  }

  private store(name: Stores): Store {
    const held = (): Map<string, Kept> => this.stores[name];
    return {
      get: async (key) => held().get(key),
      all: async () => [...held().values()],
      ofEvent: async (eventId) => [...held().values()].filter((value) => value.eventId === eventId),
      put: (value) => { held().set(keyOf(name, value), value); },
      delete: (key) => { held().delete(key); },
      clear: () => { held().clear(); },
    };
  }
}

function keyOf(name: Stores, value: Kept): string {
  if (name === 'lists') return value.eventId;
  return name === 'scans' ? (value as KeptScan).scanId : (value as KeptAdmission).ticketId;
}

export function keptLists(): Promise<KeptList[]> {
  return transaction(['lists'], 'readonly', async (store) => (await store('lists').all()) as KeptList[]);
}

export async function keptList(eventId: string): Promise<KeptList | undefined> {
  return transaction(['lists'], 'readonly', async (store) => (await store('lists').get(eventId)) as KeptList | undefined);
}

/**
 * Keeps a list. What the server knew before the list was asked for stands in the list, so that it is forgotten here: a
 * check-in that an organizer has undone is undone here too.
 */
export function keepList(list: KeptList, askedAt: number): Promise<void> {
  return transaction(['lists', 'admissions'], 'readwrite', async (store) => {
    store('lists').put(list);
    const known = (await store('admissions').ofEvent(list.eventId)) as KeptAdmission[];
    for (const one of known) {
      if (one.toldAt !== null && one.toldAt < askedAt) store('admissions').delete(one.ticketId);
    }
  });
}

/** Forgets a list and whom it names; scans that the server hasn't heard of stay. */
export function dropList(eventId: string): Promise<void> {
  return transaction(['lists'], 'readwrite', (store) => { store('lists').delete(eventId); });
}

/** When somebody signs out: no names are left for whoever has the device next. */
export async function forgetLists(): Promise<void> {
  await transaction(['lists'], 'readwrite', (store) => { store('lists').clear(); });
}

/** Decides a scan by what is remembered of its ticket, and remembers an admission with its scan, or neither. */
export function settleOffline(
  ticketId: string | null, scan: Omit<KeptScan, 'ticketId' | 'name' | 'conflict'>, decide: (admission: Admission | null) => Decision,
): Promise<Decision> {
  return transaction(['scans', 'admissions'], 'readwrite', async (store) => {
    const known = ticketId === null ? undefined : ((await store('admissions').get(ticketId)) as KeptAdmission | undefined);
    const decision = decide(known ?? null);
    if (decision.admits !== null) {
      const { eventId, gate, device, scannedAt } = scan;
      const admission: KeptAdmission = { ticketId: decision.admits, eventId, at: scannedAt, gate, device, toldAt: null };
      store('admissions').put(admission);
      const kept: KeptScan = {
        ...scan, ticketId: decision.admits, name: decision.answer.attendee?.displayName ?? null, conflict: null,
      };
      store('scans').put(kept);
    }
    return decision;
  });
}

/** Remembers what the server said of a ticket, for when it can't be asked. */
export function remember(eventId: string, admission: Admission): Promise<void> {
  const kept: KeptAdmission = { ...admission, eventId, toldAt: Date.now() };
  return transaction(['admissions'], 'readwrite', (store) => { store('admissions').put(kept); });
}

export async function keptScans(eventId: string): Promise<KeptScan[]> {
  const all = await transaction(['scans'], 'readonly', async (store) => (await store('scans').ofEvent(eventId)) as KeptScan[]);
  return all.sort((a, b) => a.scannedAt.localeCompare(b.scannedAt));
}

/** The server has heard of these scans: those in conflict stay until somebody has read of it. */
export function settleTold(told: { scan: KeptScan; conflict: Conflict | null }[]): Promise<void> {
  return transaction(['scans', 'admissions'], 'readwrite', async (store) => {
    for (const { scan, conflict } of told) {
      if (conflict === null) store('scans').delete(scan.scanId);
      else store('scans').put({ ...scan, conflict });
      const known = (await store('admissions').get(scan.ticketId)) as KeptAdmission | undefined;
      if (known) store('admissions').put({ ...known, toldAt: Date.now() });
    }
  });
}

export function dropScan(scanId: string): Promise<void> {
  return transaction(['scans'], 'readwrite', (store) => { store('scans').delete(scanId); });
}
