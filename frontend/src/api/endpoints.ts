import { request, requestJSON } from './client';
import type { JSONWebKey } from '../gate/signedDocument';
import type { Language } from '../language/language';
import { send } from './transport';
import type { Call } from './transport';
import type {
  AdminUser, Announcement, ApiKey, ApiKeyDraft, Attendee, Audience, AuditEntry, AuthAnswer, BatchResult, CheckInAnswer, DeadLetter, Delivery, Event, EventDraft, EventStats,
  Mailing, MailPreview, MailPreviewRequest, MailSettings, Member, MemberRole, Notification, NotificationTopic, Preferences, OfflineScan, OwnRegistration, Page, PasswordToken, RecordedScan, Registration, Replayed, ReplayRequest,
  Role, ScanConflict, Sending, SignInSession, Subscription, SubscriptionDraft, SubscriptionPatch, SystemReport, Ticket, TicketOffer, TimelineStep, WebhookDelivery,
} from './types';

// One function a route: the only place that knows paths and verbs.

type Abort = AbortSignal | undefined;

/** A POST that makes something. Sent again with the same key, it makes nothing more and gets the same answer. */
function creating(key: string, call: Call): Call {
  return { ...call, method: 'POST', headers: { 'Idempotency-Key': key } };
}

export const auth = {
  login: async (body: { email: string; password: string }): Promise<AuthAnswer> =>
    (await send({ method: 'POST', path: '/auth/login', body })).json(),
  /** Empty (202) where addresses must be verified first: whether there was an account already isn't told. */
  register: async (body: { email: string; password: string; displayName: string; language: Language }): Promise<AuthAnswer> => {
    const response = await send({ method: 'POST', path: '/auth/register', body });
    return response.status === 202 ? {} : ((await response.json()) as AuthAnswer);
  },
  logout: async (): Promise<void> => {
    await send({ method: 'POST', path: '/auth/logout', headers: { 'X-EM-CSRF': '1' } });
  },
  // The answers to these never tell whether there is an account.
  requestPasswordReset: (email: string) => told('/auth/password-reset', { email }),
  resetPassword: (token: string, password: string) => told('/auth/password-reset/confirm', { token, password }),
  /** Returns what a new password is set with, where the one before has ended; null where it stays. */
  verifyEmail: async (token: string): Promise<string | null> => {
    const response = await send({ method: 'POST', path: '/auth/verify-email', body: { token } });
    return response.status === 204 ? null : ((await response.json()) as PasswordToken).passwordToken;
  },
  signInByLink: async (token: string): Promise<AuthAnswer> =>
    (await send({ method: 'POST', path: '/auth/sign-in-link', body: { token } })).json(),
  reauthenticate: (password: string) => request({ method: 'POST', path: '/auth/reauthenticate', body: { password } }),
  /** With the token of the mail to a new address. */
  confirmEmail: (token: string) => told('/auth/email-change/confirm', { token }),
  resendVerification: (email: string) => told('/auth/verify-email/resend', { email }),
};

/** A POST without a session, whose answer has nothing to read. */
async function told(path: string, body: unknown): Promise<void> {
  await send({ method: 'POST', path, body });
}

export const events = {
  list: (query: { query?: string; from?: string; to?: string; mine?: boolean; all?: boolean; limit?: number; cursor?: string | null }, signal: Abort) =>
    requestJSON<Page<Event>>({ path: '/events', query: { limit: 20, ...query }, signal }),
  get: (id: string, signal?: Abort) => requestJSON<Event>({ path: `/events/${id}`, signal }),
  create: (body: EventDraft, key: string) => requestJSON<Event>(creating(key, { path: '/events', body })),
  /** A JSON merge patch against the version that was read; 412 when somebody was quicker. */
  /** `confirmPast`: the event may be over by it. */
  edit: (id: string, version: number, body: Partial<EventDraft> & { confirmPast?: true }) =>
    requestJSON<Event>({
      method: 'PATCH', path: `/events/${id}`, body, headers: { 'If-Match': `"${version}"` },
    }),
  publish: (id: string) => requestJSON<Event>({ method: 'POST', path: `/events/${id}/publish` }),
  cancel: (id: string) => requestJSON<Event>({ method: 'POST', path: `/events/${id}/cancel` }),
  stats: (id: string, signal: Abort) => requestJSON<EventStats>({ path: `/events/${id}/stats`, signal }),
  announcements: (id: string, cursor: string | null, signal: Abort) =>
    requestJSON<Page<Announcement>>({ path: `/events/${id}/announcements`, query: { limit: 20, cursor }, signal }),
  announce: (id: string, body: NewAnnouncement, key: string) =>
    requestJSON<Announcement>(creating(key, { path: `/events/${id}/announcements`, body })),
  /** Takes back what is to be told later; what went out stays. */
  takeBack: (id: string, announcementId: string) => request({ method: 'DELETE', path: `/events/${id}/announcements/${announcementId}` }),
  /** How many it would reach now, and how many of them by mail. */
  reach: (id: string, audience: Audience, signal: Abort) =>
    requestJSON<{ recipients: number; mails: number }>({ method: 'POST', path: `/events/${id}/announcements/preview`, body: { audience }, signal }),
  mailings: (id: string, cursor: string | null, signal: Abort) =>
    requestJSON<Page<Mailing>>({ path: `/events/${id}/mailings`, query: { limit: 20, cursor }, signal }),
  delivery: (id: string, signal: Abort) => requestJSON<Delivery>({ path: `/events/${id}/delivery`, signal }),
  mailSettings: (id: string, signal: Abort) => requestJSON<MailSettings>({ path: `/events/${id}/mail-settings`, signal }),
  setMailSettings: (id: string, body: MailSettings) =>
    requestJSON<MailSettings>({ method: 'PUT', path: `/events/${id}/mail-settings`, body }),
  /** Nobody gets it. What isn't named of the wording is as the event has it. */
  previewMail: (id: string, body: MailPreviewRequest) => requestJSON<MailPreview>({ method: 'POST', path: `/events/${id}/mail-previews`, body }),
  attendees: (id: string, query: { query: string; status: string; sort: string; cursor: string | null }, signal: Abort) =>
    requestJSON<Page<Attendee>>({ path: `/events/${id}/registrations`, query: { limit: 50, ...query }, signal }),
  addAttendee: (id: string, email: string, key: string) =>
    requestJSON<Registration>(creating(key, { path: `/events/${id}/registrations/add`, body: { email } })),
  removeAttendee: (id: string, registrationId: string, reason: string | null) =>
    requestJSON<Registration>({ method: 'DELETE', path: `/events/${id}/registrations/${registrationId}`, body: { reason } }),
  /** Sends the confirmation of somebody's place once more. */
  resend: (registrationId: string, key: string) => request(creating(key, { path: `/registrations/${registrationId}/resend` })),
  attendeesFile: (id: string) => `/events/${id}/registrations.csv`,
  members: (id: string, cursor: string | null, signal: Abort) =>
    requestJSON<Page<Member>>({ path: `/events/${id}/members`, query: { limit: 50, cursor }, signal }),
  /** Adds somebody to the team, or gives a member another role. */
  setMember: (id: string, email: string, role: MemberRole) =>
    requestJSON<Member>({ method: 'POST', path: `/events/${id}/members`, body: { email, role } }),
  removeMember: (id: string, userId: string) => request({ method: 'DELETE', path: `/events/${id}/members/${userId}` }),
  scans: (id: string, cursor: string | null, signal: Abort, limit = 50) =>
    requestJSON<Page<RecordedScan>>({ path: `/events/${id}/check-ins`, query: { limit, cursor }, signal }),
  conflicts: (id: string, cursor: string | null, signal: Abort) =>
    requestJSON<Page<ScanConflict>>({ path: `/events/${id}/check-ins/conflicts`, query: { limit: 50, cursor }, signal }),
  undoCheckIn: (scanId: string, reason: string) => request({ method: 'POST', path: `/check-ins/${scanId}/undo`, body: { reason } }),
};

export interface NewAnnouncement {
  title: string;
  body: string;
  audience: Audience;
  /** Now when null. */
  sendAt: string | null;
}

export const subscriptions = {
  list: (cursor: string | null, signal: Abort) => requestJSON<Page<Subscription>>({ path: '/subscriptions', query: { limit: 20, cursor }, signal }),
  get: (id: string, signal: Abort) => requestJSON<Subscription>({ path: `/subscriptions/${id}`, signal }),
  /** The answer has what it is opened or checked with, this once. */
  create: (body: SubscriptionDraft, key: string) => requestJSON<Subscription>(creating(key, { path: '/subscriptions', body })),
  edit: (id: string, body: SubscriptionPatch) => requestJSON<Subscription>({ method: 'PATCH', path: `/subscriptions/${id}`, body }),
  /** Has a stretch of an event's messages delivered once more, as far as the subscription asks for them. */
  replay: (id: string, body: ReplayRequest, key: string) => requestJSON<Replayed>(creating(key, { path: `/subscriptions/${id}/replay`, body })),
  /** As `create`, with a new secret or password. */
  renew: (id: string) => requestJSON<Subscription>({ method: 'POST', path: `/subscriptions/${id}/credentials` }),
  remove: (id: string) => request({ method: 'DELETE', path: `/subscriptions/${id}` }),
  deliveries: (id: string, query: { status: string; cursor: string | null }, signal: Abort) =>
    requestJSON<Page<WebhookDelivery>>({ path: `/subscriptions/${id}/deliveries`, query: { limit: 20, ...query }, signal }),
  retry: (id: string, deliveryId: string) => request({ method: 'POST', path: `/subscriptions/${id}/deliveries/${deliveryId}/retry` }),
  test: (id: string, key: string) => request(creating(key, { path: `/subscriptions/${id}/test` })),
};

export const gates = {
  checkIn: (eventId: string, body: OfflineScan, signal: AbortSignal) =>
    requestJSON<CheckInAnswer>(creating(body.scanId, { path: `/events/${eventId}/check-ins`, body, signal })),
  tell: (eventId: string, scans: OfflineScan[]) =>
    requestJSON<{ results: BatchResult[] }>({ method: 'POST', path: `/events/${eventId}/check-ins/batch`, body: { scans } }),
  /**
   * What changed since a version, or 304; a whole list where there is none. The gate keeps the list itself: the browser's
   * cache would hold it twice.
   */
  manifest: (eventId: string, since: string) =>
    request({
      at: `/api/v1/events/${eventId}/check-in-manifest?since=${encodeURIComponent(since)}`,
      cache: 'no-store', expects: 304, headers: { Accept: 'application/jose' },
    }),
  /** The keys that api-service signs with (RFC 7517). */
  keys: async (): Promise<JSONWebKey[]> =>
    ((await (await send({ at: '/.well-known/jwks.json' })).json()) as { keys: JSONWebKey[] }).keys,
};

export const registrations = {
  register: (eventId: string, key: string) =>
    requestJSON<Registration>(creating(key, { path: `/events/${eventId}/registrations` })),
  get: (id: string, signal: Abort) => requestJSON<OwnRegistration>({ path: `/registrations/${id}`, signal }),
  cancel: (id: string) => requestJSON<Registration>({ method: 'DELETE', path: `/registrations/${id}` }),
  timeline: (id: string, signal: Abort) => requestJSON<{ items: TimelineStep[] }>({ path: `/registrations/${id}/timeline`, signal }),
  mine: (query: { eventId?: string; cursor?: string | null }, signal: Abort) =>
    requestJSON<Page<OwnRegistration>>({ path: '/me/registrations', query: { limit: 20, ...query }, signal }),
};

export const tickets = {
  /** With the token of the mail that offered it. */
  accept: (token: string) => requestJSON<{ registrationId: string }>({ method: 'POST', path: '/ticket-transfers/accept', body: { token } }),
  get: (id: string, signal: Abort) => requestJSON<Ticket>({ path: `/tickets/${id}`, signal }),
  /** A new code in the place of the old one, which stops being valid; the new ticket is there in a moment. */
  reissue: (id: string, key: string) => request(creating(key, { path: `/tickets/${id}/reissue` })),
  /** Offers the place to somebody: it is theirs once they accept. */
  offer: (id: string, email: string, key: string) =>
    requestJSON<TicketOffer>(creating(key, { path: `/tickets/${id}/transfer`, body: { email } })),
  withdraw: (id: string) => request({ method: 'DELETE', path: `/tickets/${id}/transfer` }),
  file: (id: string, extension: 'svg' | 'png' | 'pdf' | 'ics') => `/tickets/${id}.${extension}`,
};

export const account = {
  sessions: (cursor: string | null, signal: Abort) =>
    requestJSON<Page<SignInSession>>({ path: '/me/sessions', query: { limit: 20, cursor }, signal }),
  endSession: (id: string) => request({ method: 'DELETE', path: `/me/sessions/${id}` }),
  endSessions: (keepCurrent: boolean) => request({ method: 'DELETE', path: '/me/sessions', query: { keepCurrent } }),
  /** Every session ends; the answer is a new one for this browser. */
  changePassword: (currentPassword: string, newPassword: string) =>
    requestJSON<AuthAnswer>({ method: 'POST', path: '/me/password', body: { currentPassword, newPassword } }),
  changeEmail: (email: string, password: string) => request({ method: 'POST', path: '/me/email', body: { email, password } }),
  preferences: (signal: Abort) => requestJSON<Preferences>({ path: '/me/preferences', signal }),
  prefer: (body: PreferenceChange) => requestJSON<Preferences>({ method: 'PATCH', path: '/me/preferences', body }),
  /** By the link in a mail, without a session. `mail`: true has such mails come again. */
  unsubscribe: async (token: string, mail: boolean): Promise<{ topic: NotificationTopic; mail: boolean }> =>
    (await send({ method: 'POST', path: '/unsubscribe', body: { token, mail } })).json(),
  remove: (password: string) => request({ method: 'DELETE', path: '/me', body: { password } }),
};

export interface PreferenceChange {
  language?: Language;
  topics?: { topic: NotificationTopic; mail?: boolean; inApp?: boolean }[];
}

export const apiKeys = {
  list: (cursor: string | null, signal: Abort) => requestJSON<Page<ApiKey>>({ path: '/api-keys', query: { limit: 20, cursor }, signal }),
  /** The answer has the key itself, this once. */
  create: (body: ApiKeyDraft, key: string) => requestJSON<ApiKey>(creating(key, { path: '/api-keys', body })),
  revoke: (id: string) => requestJSON<ApiKey>({ method: 'DELETE', path: `/api-keys/${id}` }),
};

export const notifications = {
  unread: (signal: Abort) => requestJSON<{ unread: number }>({ path: '/me/notifications/unread', signal }),
  read: (id: string) => requestJSON<{ unread: number }>({ method: 'POST', path: `/me/notifications/${id}/read` }),
  readAll: () => requestJSON<{ unread: number }>({ method: 'POST', path: '/me/notifications/read', body: {} }),
  mine: (cursor: string | null, signal: Abort) =>
    requestJSON<Page<Notification>>({ path: '/me/notifications', query: { limit: 20, cursor }, signal }),
};

/** Empty for everything. `action` may be a family of actions, such as `event`. */
export interface AuditQuery {
  actor: string;
  action: string;
}

export const admin = {
  users: (query: string, cursor: string | null, signal: Abort) =>
    requestJSON<Page<AdminUser>>({ path: '/admin/users', query: { limit: 50, query, cursor }, signal }),
  setRole: (id: string, role: Role) =>
    requestJSON<AdminUser>({ method: 'PATCH', path: `/admin/users/${id}`, body: { role } }),
  setLocked: (id: string, isLocked: boolean) =>
    requestJSON<AdminUser>({ method: 'POST', path: `/admin/users/${id}/${isLocked ? 'lock' : 'unlock'}` }),
  endSessions: (id: string) => request({ method: 'DELETE', path: `/admin/users/${id}/sessions` }),
  /** What they own. */
  events: (id: string, cursor: string | null, signal: Abort) =>
    requestJSON<Page<Event>>({ path: `/admin/users/${id}/events`, query: { limit: 20, cursor }, signal }),
  handOver: (eventId: string, email: string) =>
    request({ method: 'PUT', path: `/events/${eventId}/owner`, body: { email } }),
  audit: (query: AuditQuery, cursor: string | null, signal: Abort) =>
    requestJSON<Page<AuditEntry>>({ path: '/admin/audit', query: { limit: 50, ...query, cursor }, signal }),
  auditFile: (query: AuditQuery) => `/admin/audit.csv?${new URLSearchParams({ ...query })}`,
  system: (signal: Abort) => requestJSON<SystemReport>({ path: '/admin/system', signal }),
  deadLetters: (cursor: string | null, signal: Abort) =>
    requestJSON<Page<DeadLetter>>({ path: '/admin/dead-letters', query: { limit: 20, cursor }, signal }),
  sending: (signal: Abort) => requestJSON<Sending>({ path: '/admin/sending', signal }),
  setSending: (isOn: boolean) => requestJSON<Sending>({ method: 'POST', path: `/admin/sending/${isOn ? 'resume' : 'pause'}` }),
  replay: (id: string) => request({ method: 'POST', path: `/admin/dead-letters/${id}/replay` }),
  discard: (id: string) => request({ method: 'DELETE', path: `/admin/dead-letters/${id}` }),
};
