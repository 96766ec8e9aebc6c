import type { CheckInAnswer } from '../api/types';
import { codeHash } from './codeHash';
import { verifyEd25519 } from './ed25519';
import { meantTickets } from './layouts';
import type { ListedTicket, TicketList } from './manifest';
import { readTicketCode } from './ticketCode';
import { parseTicketToken } from './ticketToken';

/** What was held to the scanner or typed, as far as it says anything by itself. */
export type Presented =
  | { kind: 'ticket'; ticketId: string; eventId: string; issue: number }
  | { kind: 'code'; hash: string }
  | { kind: 'unreadable' };

/** That this device let a ticket in (or learnt who did). */
export interface Admission {
  ticketId: string;
  at: string;
  gate: string | null;
  device: string | null;
}

export interface Decision {
  answer: CheckInAnswer;
  /** The ticket to be remembered as used: there is one exactly when it is admitted. */
  admits: string | null;
}

/**
 * What was scanned or typed, as a ticket or its code has it: as it was held out, unless a scanner has typed it on a
 * keyboard of another layout, or a person with other dashes and blanks. Which of the tickets that it may be it is, its
 * signature tells; the first, while there is no list with the keys.
 */
export async function readScan(text: string, list: TicketList | null): Promise<string> {
  if (parseTicketToken(text) !== null) return text;
  const code = readTicketCode(text);
  if (code !== null) return code;
  const meant = meantTickets(text);
  for (const one of meant) {
    if (list !== null && (await present(one, list)).kind === 'ticket') return one;
  }
  return meant[0] ?? text;
}

/** Reads a code; a ticket's signature is verified by the list's keys. */
export async function present(text: string, list: TicketList): Promise<Presented> {
  const token = parseTicketToken(text);
  if (token === null) {
    const code = readTicketCode(text);
    return code === null ? { kind: 'unreadable' } : { kind: 'code', hash: await codeHash(list.manifest.eventId, code) };
  }
  const key = list.key(token.keyId);
  const isOurs = key !== null && (await verifyEd25519(key, token.signed, token.signature));
  return isOurs ? { kind: 'ticket', ...token } : { kind: 'unreadable' };
}

/** The ticket that a decision is about, if it can be told which. */
export function ticketOf(presented: Presented, list: TicketList): string | null {
  if (presented.kind === 'ticket') return presented.ticketId;
  return presented.kind === 'code' ? list.typed(presented.hash)?.id ?? null : null;
}

/**
 * Decides a scan without the server, in its order and its words. A ticket that was issued after the list was made is
 * let in on its signature alone: the list can't know it, and its holder can't have made it.
 *
 * @param admission what this device remembers of the ticket
 * @param now milliseconds, by the server's clock as far as it is known
 */
export function decide(presented: Presented, list: TicketList, admission: Admission | null, now: number): Decision {
  const { manifest } = list;
  if (presented.kind === 'ticket' && presented.eventId !== manifest.eventId) return refuse('wrongEvent');
  const id = ticketOf(presented, list);
  if (id === null) return refuse('unknown');
  const known = list.ticket(id);
  if (manifest.cancelledAt) return refuse('eventCancelled', known);
  if (known !== null && isRevoked(presented, known)) return refuse('revoked', known);
  if (manifest.checkInOpensAt !== null && now < Date.parse(manifest.checkInOpensAt)) return refuse('notYetValid', known);
  const first = admission ?? (known?.firstScan ? { ...known.firstScan, device: null } : null);
  if (first !== null || known?.state === 'checkedIn') {
    return refuse('duplicate', known, first && { at: first.at, gate: first.gate, device: first.device });
  }
  return { answer: { result: 'admitted', ticketId: id, attendee: attendee(known) }, admits: id };
}

function isRevoked(presented: Presented, known: ListedTicket): boolean {
  return known.state === 'revoked' || (presented.kind === 'ticket' && presented.issue < known.issue);
}

function refuse(
  result: CheckInAnswer['result'], known: ListedTicket | null = null, firstScan: CheckInAnswer['firstScan'] = null,
): Decision {
  return { answer: { result, attendee: attendee(known), firstScan }, admits: null };
}

function attendee(known: ListedTicket | null): CheckInAnswer['attendee'] {
  return known && { displayName: known.name };
}
