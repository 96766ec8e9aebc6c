import { plural } from '../language/text';
import type { HeardAnnouncement, Mailing, Registration, RegistrationStatus } from '../api/types';

/** The places of an event at one revision. */
export interface Counts {
  revision: number;
  confirmed: number;
  waitlisted: number;
  capacity: number;
}

/** Somebody who has come in. */
export interface LatestCheckIn {
  ticketId: string;
  at: string;
  gate?: string | null;
}

/** How far what goes to everybody has come. */
export interface MailingProgress {
  id: string;
  status: Mailing['status'];
  recipients: number;
  queued: number;
  sent: number;
  retrying: number;
  failed: number;
  muted: number;
}

/** Mails of an event that did not arrive. */
export interface DeliveryProblems {
  /** Refused for now, to be tried again. */
  retrying: number;
  /** Given up. */
  failed: number;
  /** Of two states the later one is known by it. */
  revision: number;
}

/** The server's frames as far as this app uses them (the WebSocket contract in DESIGN.md). */
export type LiveUpdate =
  /**
   * `again` is added here, when the connection had been lost: what is not in the snapshot may have been missed.
   * `lastAnnouncement` is the id of an event's newest; whoever does not have it has missed it.
   */
  | { type: 'subscribed'; topic: string; snapshot?: Counts; lastAnnouncement?: string; again?: boolean }
  | ({ type: 'counts'; topic: string } & Counts)
  | { type: 'event'; topic: string; version: number }
  | { type: 'announcement'; topic: string; id: string; title: string; body: string; at: string }
  | { type: 'registration'; topic: string; registrationId: string; eventId: string; status: RegistrationStatus; position?: number | null }
  | { type: 'ticket'; topic: string; id: string; registrationId: string; eventId: string }
  | { type: 'checkIns'; topic: string; checkedIn: number; last: LatestCheckIn[] }
  | ({ type: 'deliveryProblems'; topic: string } & DeliveryProblems)
  | { type: 'unread'; topic: string; unread: number }
  | { type: 'mailings'; topic: string; revision: number; items: MailingProgress[] }
  | { type: 'notification'; topic: string; id: string; kind: string; status: string }
  | { type: 'stale' | 'fresh'; topic: string };

export type ControlFrame =
  | { type: 'authenticated'; expiresAt: string }
  | { type: 'error'; code: string; message: string; topic?: string };

/** Counts are state, not history: what carries an older revision came late and is dropped. */
export function newerCounts(held: Counts, arrived: Counts): Counts {
  return arrived.revision > held.revision ? arrived : held;
}

/** A frame's counts, whether they came as a snapshot or as a change. */
export function countsOf(update: LiveUpdate): Counts | null {
  if (update.type === 'subscribed') return update.snapshot ?? null;
  if (update.type === 'counts') return update;
  return null;
}

/**
 * A registration as an update of the `me` topic leaves it; null when that must be read: it is another one, or news that
 * doesn't say everything (a ticket).
 */
export function afterUpdate<Held extends Registration>(held: Held, update: LiveUpdate): Held | null {
  if (update.type !== 'registration' || update.registrationId !== held.id) return null;
  const { status, position = null } = update;
  if (status === 'cancelled') return { ...held, status, position: null, ticket: null };
  // Nobody comes back from cancelled under the same id, nor from a place into the line: such news is old.
  if (held.status === 'cancelled' || (held.status === 'confirmed' && status === 'waitlisted')) return held;
  return { ...held, status, position: status === 'waitlisted' ? position ?? held.position : null };
}

/**
 * How long to wait before the nth reconnect (from 0), in milliseconds: full jitter over a doubling ceiling, so that a
 * hub's restart doesn't bring everybody back in the same instant.
 */
export function backoff(attempt: number, random: number = Math.random()): number {
  return random * Math.min(30_000, 500 * 2 ** attempt);
}

/** What was read and what was heard, each once, the newest first; a read that began before may lack what was heard. */
export function withHeard(read: HeardAnnouncement[], heard: HeardAnnouncement[]): HeardAnnouncement[] {
  const known = new Set(read.map((item) => item.id));
  const fresh = heard.filter((item) => !known.has(item.id));
  if (fresh.length === 0) return read;
  return [...fresh, ...read].sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
}

/** What an organizer is told of mails that did not arrive. */
export function undeliveredText(retrying: number, failed: number): string {
  const waiting = plural(
    '{count} email has not arrived yet and will be tried again.|{count} emails have not arrived yet and will be tried again.', retrying);
  const lost = plural('{count} email could not be delivered.|{count} emails could not be delivered.', failed);
  if (failed === 0) return waiting;
  return retrying === 0 ? lost : `${lost} ${waiting}`;
}
