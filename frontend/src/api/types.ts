// The API's values as JSON carries them. Times are RFC 3339 UTC strings, ids lower-case UUID strings.

export type Role = 'user' | 'organizer' | 'admin';
export type EventStatus = 'draft' | 'published' | 'cancelled' | 'ended';
export type RegistrationStatus = 'confirmed' | 'waitlisted' | 'cancelled';
export type TicketStatus = 'valid' | 'revoked';
export type CheckInResult = 'admitted' | 'duplicate' | 'revoked' | 'wrongEvent' | 'notYetValid' | 'unknown';
export type NotificationStatus = 'queued' | 'sent' | 'retrying' | 'failed';

export interface Page<Item> {
  items: Item[];
  nextCursor: string | null;
}

export interface User {
  id: string;
  email: string;
  displayName: string;
  role: Role;
}

/** One of the places where somebody is signed in. */
export interface SignInSession {
  id: string;
  /** The browser's own words. */
  device: string | null;
  createdAt: string;
  lastUsedAt: string;
  expiresAt: string;
  /** The one that asks. */
  current: boolean;
}

export interface AdminUser extends User {
  createdAt: string;
}

/** `accessToken` is missing when the address must be verified first (202). */
export interface AuthAnswer {
  user?: User;
  accessToken?: string;
  expiresIn?: number;
}

export interface EventDraft {
  title: string;
  description: string;
  venue: string;
  startsAt: string;
  endsAt: string;
  timeZone: string;
  capacity: number;
  waitlistEnabled: boolean;
  /** Whether the line still moves up once registration has closed. */
  promoteAfterClose: boolean;
  registrationOpensAt: string | null;
  registrationClosesAt: string | null;
  checkInOpensAt: string | null;
}

export interface Event extends EventDraft {
  id: string;
  confirmed: number;
  waitlisted: number;
  status: EventStatus;
  /** Rises with edits only. */
  version: number;
  /** Rises with every change of the places. */
  revision: number;
  ownerId: string;
  organizerName: string;
}

export interface Ticket {
  id: string;
  code: string;
  eventId: string;
  registrationId: string;
  status: TicketStatus;
  issuedAt: string;
  checkedInAt: string | null;
  /** To whom it is offered, if to anybody; missing for all but its holder. */
  transfer?: TicketOffer | null;
}

export interface TicketOffer {
  email: string;
  expiresAt: string;
}

export interface Registration {
  id: string;
  eventId: string;
  status: RegistrationStatus;
  position: number | null;
  createdAt: string;
  /** What an organizer said who removed the person. */
  cancellationReason: string | null;
  ticket: Ticket | null;
  checkedInAt: string | null;
}

export type EventSummary = Pick<Event, 'id' | 'title' | 'venue' | 'startsAt' | 'endsAt' | 'timeZone' | 'status'>;

export interface OwnRegistration extends Registration {
  event: EventSummary;
}

export interface Attendee {
  id: string;
  status: RegistrationStatus;
  position: number | null;
  createdAt: string;
  attendee: { id: string; displayName: string; email: string };
  ticket: { id: string; code: string; status: TicketStatus } | null;
  checkedInAt: string | null;
}

export interface CheckInAnswer {
  result: CheckInResult;
  ticketId?: string | null;
  attendee?: { displayName: string; registrationId?: string } | null;
  at?: string | null;
  firstScan?: { at: string; gate: string | null; device: string | null } | null;
  /** The other scan of the same ticket, when both let somebody in. */
  conflict?: { at: string; gate: string | null; device: string | null } | null;
}

/** A scan that a gate made without the server. */
export interface OfflineScan {
  scanId: string;
  device: string;
  gate: string | null;
  code: string;
  scannedAt: string;
}

/** What became of it. */
export interface BatchResult extends CheckInAnswer {
  scanId: string;
}

/** A scan as it was written down. `at` is by the device's clock. */
export interface RecordedScan {
  id: string;
  result: CheckInResult;
  at: string;
  receivedAt: string;
  gate: string | null;
  device: string | null;
  offline: boolean;
  attendee: { displayName: string; registrationId: string } | null;
  undoneAt: string | null;
  undoReason: string | null;
}

/** Somebody whom the gates should not have let in as they did; the first scan is the one that counts. */
export interface ScanConflict {
  kind: 'admittedTwice' | 'refusedLater';
  ticketId: string | null;
  attendee: { displayName: string; registrationId: string } | null;
  scans: RecordedScan[];
}

export type MemberRole = 'owner' | 'coOrganizer' | 'checkInStaff';

export interface Member {
  userId: string;
  displayName: string;
  email: string;
  role: MemberRole;
  since: string;
}

export interface Announcement {
  id: string;
  eventId: string;
  title: string;
  body: string;
  at: string;
  authorName?: string;
}

export interface EventStats {
  confirmed: number;
  waitlisted: number;
  cancelled: number;
  checkedIn: number;
  capacity: number;
  revision: number;
}

export interface Notification {
  id: string;
  kind: string;
  eventId: string | null;
  eventTitle: string | null;
  registrationId: string | null;
  channel: string;
  status: NotificationStatus;
  attempts: number;
  lastError: string | null;
  nextAttemptAt: string | null;
  createdAt: string;
  sentAt: string | null;
}

/** What can't be asked at the moment is null. */
export interface SystemReport {
  at: string;
  isHealthy: boolean;
  dependencies: { name: string; state: 'up' | 'down' | 'blocked' | 'unknown' }[];
  outbox: {
    unpublished: number;
    oldestUnpublishedSeconds: number | null;
    unshown: number;
    oldestUnshownSeconds: number | null;
    relays: number;
  } | null;
  queues: { name: string; waiting: number; retrying: number; parked: number; consumers: number }[] | null;
  invariants: {
    result: 'clean' | 'violated' | 'stuck';
    checkedAt: string;
    findings: { invariant: string; severity: 'violation' | 'stuck'; meaning: string; count: number }[];
  } | null;
}

/** Who did what. The values are texts, whatever they were. */
export interface AuditEntry {
  id: string;
  at: string;
  action: string;
  actor: { id: string; displayName: string | null; email: string | null } | null;
  subject: { id: string; email: string | null } | null;
  event: { id: string; title: string | null } | null;
  before: Record<string, string>;
  after: Record<string, string>;
  about: Record<string, string>;
  erased: boolean;
  sealNumber: number | null;
  traceId: string | null;
}

export interface DeadLetter {
  id: string;
  queue: string;
  type: string | null;
  reason: string;
  lastFailure: string | null;
  attempts: number;
  replays: number;
  lastFailedAt: string | null;
  payload: string;
  isCut: boolean;
}
