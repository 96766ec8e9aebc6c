import { decodeBase64URL } from './base64url';

// What a gate without a network goes by: the event's tickets as they were at `generatedAt`, and the keys that sign them.

type TicketState = 'valid' | 'revoked' | 'checkedIn';
/** [ticketId, issue, codeHash, name, state, firstScanAt, firstScanGate]; see codeHash.ts */
type Line = [string, number, string, string, TicketState, string | null, string | null];

export interface Manifest {
  eventId: string;
  title: string;
  startsAt: string;
  endsAt: string;
  timeZone: string;
  checkInOpensAt: string | null;
  /** When the event was called off; a list that was kept from before this was told says nothing. */
  cancelledAt?: string | null;
  generatedAt: string;
  /** Names this state; a list that was kept from before this was told has none. */
  version?: string;
  /** Only the tickets that changed since this version. */
  since?: string;
  keys: { kid: string; publicKey: string }[];
  tickets: Line[];
}

export const manifestType = 'em-manifest+jws';

export interface ListedTicket {
  id: string;
  issue: number;
  name: string;
  state: TicketState;
  firstScan: { at: string; gate: string | null } | null;
}

/** A manifest, made quick to look things up in. */
export class TicketList {
  private readonly byId = new Map<string, Line>();
  private readonly byCodeHash = new Map<string, Line>();
  private readonly keys = new Map<string, Uint8Array>();

  constructor(readonly manifest: Manifest) {
    for (const line of manifest.tickets) {
      this.byId.set(line[0], line);
      this.byCodeHash.set(line[2], line);
    }
    for (const { kid, publicKey } of manifest.keys) {
      const raw = decodeBase64URL(publicKey);
      if (raw !== null) this.keys.set(kid, raw);
    }
  }

  get size(): number { return this.byId.size; }

  key(id: string): Uint8Array | null { return this.keys.get(id) ?? null; }

  ticket(id: string): ListedTicket | null { return listed(this.byId.get(id)); }

  typed(hash: string): ListedTicket | null { return listed(this.byCodeHash.get(hash)); }
}

function listed(line: Line | undefined): ListedTicket | null {
  if (!line) return null;
  const [id, issue, , name, state, at, gate] = line;
  return { id, issue, name, state, firstScan: at === null ? null : { at, gate } };
}

/** What was verified is still looked at before it is kept: a list for another event decides nothing here. */
export function asManifest(payload: unknown, eventId: string): Manifest | null {
  const manifest = payload as Partial<Manifest> | null;
  const fits = manifest?.eventId === eventId && Array.isArray(manifest.keys) && Array.isArray(manifest.tickets);
  return fits ? (manifest as Manifest) : null;
}

/** A list with what changed since: lines of the same ticket take the place of those that are known. */
export function withChanges(known: Manifest | null, read: Manifest): Manifest {
  const { since, ...whole } = read;
  if (since === undefined) return whole;
  if (known?.version !== since) throw new Error('these changes belong to another list');
  const lines = new Map(known.tickets.map((line) => [line[0], line]));
  for (const line of read.tickets) lines.set(line[0], line);
  return { ...whole, tickets: [...lines.values()] };
}
