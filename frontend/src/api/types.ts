// The API's values as JSON carries them, by the names that the pages use. They are written from openapi.yaml when the pages
// are built (apiTypes.mjs): what is said here again is only what a page knows better. Times are RFC 3339 UTC strings, ids
// lower-case UUID strings.
import type * as API from './schemas';

export type {
  Announcement, ApiKey, ApiKeyDraft, ApiScope, Attendee, Audience, AuditEntry, DeadLetter, Delivery, Event, EventStatus, EventSummary, Invariant, MailError, Mailing, MailPreview, MailPreviewRequest, MailSettings, Member,
  MemberRole, NotificationTopic, PasswordToken, Preferences, RecordedScan, Registration, RegistrationStatus, Replayed, ReplayRequest, Role, ScanConflict, Sending, Subscription, SubscriptionDraft, SubscriptionPatch, SubscriptionStatusReason, SystemReport, Ticket, TicketStatus, User,
  WebhookDelivery, WebhookError,
} from './schemas';

export interface Page<Item> {
  items: Item[];
  nextCursor: string | null;
}

export type AdminUser = API.Account;
export type BatchResult = CheckInAnswer & API.ScanName;
export type CheckInResult = API.CheckIn['result'];
export type EventStats = API.Statistics;
export type NotificationStatus = API.Notification['status'];
/** As the list of one's own has it. */
export type Notification = API.InAppNotification;
/** One thing that happened on the way from a registration to its mails. */
export type TimelineStep = API.Timeline['items'][number];
/** One of the places where somebody is signed in. */
export type SignInSession = API.SignIn;
export type TicketOffer = API.Transfer;

/** `accessToken` is missing when the address must be verified first (202). */
export type AuthAnswer = Partial<API.Session>;

/** A form sends all of it. */
export type EventDraft = Required<API.EventDraft>;

/** As lists of one's own have it. */
export type OwnRegistration = API.Registration & { event: API.EventSummary };

/** A scan that a gate made without the server. */
export type OfflineScan = API.OfflineScan & { gate: string | null };

/** A gate that decides alone knows at most a name of the person, and of the first scan what this device saw. */
export type CheckInAnswer = Omit<API.CheckIn, 'attendee' | 'firstScan'> & {
  attendee?: Pick<API.AttendeeName, 'displayName'> | null;
  firstScan?: API.OtherScan | null;
};

/** An announcement as the socket brings it. */
export type HeardAnnouncement = Pick<API.Announcement, 'id' | 'eventId' | 'title' | 'body' | 'at'>;
