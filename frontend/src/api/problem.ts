import { has, t } from '../language/text';
import type { Text } from '../language/text';
import type { FieldError, ProblemType } from './schemas';

/** An RFC 9457 problem, or what stands in for one when no answer came at all (`offline`, status 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    /** The API's slug ("full", "validation-failed"), the same for ever; never shown. */
    readonly slug: string,
    title: string,
    readonly fields: FieldError[] = [],
    readonly traceId: string | null = null,
    /** The session was ended from elsewhere: it did not just run out. */
    readonly sessionEnded = false,
  ) {
    super(title);
  }

  /** The request may have taken effect: only the same request with the same Idempotency-Key settles it. */
  get outcomeUnknown(): boolean {
    return this.status === 0 || this.slug === 'outcome-unknown' || this.slug === 'request-in-flight' || this.status === 502 || this.status === 504;
  }

  static offline(): Problem {
    return new Problem(0, 'offline', t('The server can’t be reached. Check your connection and try again.'));
  }

  /** Whatever was thrown, as something that a page can show. Programming errors are not swallowed silently. */
  static from(thrown: unknown): Problem {
    if (thrown instanceof Problem) return thrown;
    console.error(thrown);
    return new Problem(0, 'unexpected', t('Something went wrong in this page.'));
  }
}

/** What the pages say for each type of problem; one that the API documents and that is missing here is an error of types. */
const words: Record<ProblemType, Text> = {
  'validation-failed': 'Check the highlighted fields.',
  'invalid-credentials': 'Incorrect email or password.',
  'not-authenticated': 'Please sign in first.',
  'token-expired': 'Your session has expired. Please sign in again.',
  forbidden: 'You don’t have permission to do this.',
  'scope-missing': 'This API key doesn’t have permission to do this.',
  'not-found': 'This doesn’t exist or was removed.',
  'reauthentication-required': 'Enter your password again to continue.',
  'account-locked': 'This account is locked. Contact the administrators of this site.',
  'email-not-verified': 'Confirm your email address first, using the link we sent you.',
  'link-invalid': 'This link has expired or was already used.',
  'email-taken': 'An account with this email already exists.',
  full: 'Sorry, this event is full.',
  'registration-closed': 'Registration for this event is closed.',
  'registration-not-open': 'Registration for this event hasn’t opened yet.',
  'already-registered': 'You’re already registered for this event.',
  'event-not-published': 'This event isn’t published.',
  'event-cancelled': 'This event was canceled.',
  'event-ended': 'This event has ended.',
  'already-cancelled': 'This was already canceled.',
  'already-posted': 'This announcement was already posted.',
  'capacity-below-confirmed': 'Capacity can’t be lower than the number of confirmed registrations.',
  'request-in-flight': 'This is already being processed. Please try again in a moment.',
  'idempotency-key-reused': 'This was already submitted with different details. Reload the page and try again.',
  'version-mismatch': 'Someone else changed this in the meantime. Reload and make your changes again.',
  'owner-stays': 'The event’s owner can’t be removed from the team.',
  'not-checked-in': 'This scan didn’t admit anyone, so there is nothing to undo.',
  'already-checked-in': 'This ticket is already checked in. Only the organizer can change that now.',
  'too-many-transfers': 'You’ve transferred too many tickets today. Try again tomorrow.',
  'messages-pruned': 'The first of these messages are no longer available. Start with a later one.',
  'subscription-not-active': 'This subscription isn’t active. Resume it first.',
  'limit-reached': 'You’ve reached the limit. Delete one first.',
  'last-admin': 'There must be at least one admin, and you can’t lock your own account.',
  'events-ahead': 'You have upcoming events with attendees. Cancel them first, or wait until they’re over.',
  'payload-too-large': 'This is too large.',
  'too-many-requests': 'Too many requests. Please wait a moment and try again.',
  'too-many': 'The service is temporarily unavailable. Nothing was changed. Please try again in a moment.',
  unavailable: 'The service is temporarily unavailable. Nothing was changed. Please try again in a moment.',
  'outcome-unknown': 'We’re not sure that went through. It’s safe to try again.',
  'bad-gateway': 'We’re not sure that went through. It’s safe to try again.',
  'gateway-timeout': 'We’re not sure that went through. It’s safe to try again.',
  'request-timeout': 'The request took too long. Please try again.',
  'internal-error': 'Something went wrong on our side. Nothing was changed.',
  // A page and a server that don't fit each other, or something between them.
  'bad-request': 'Something went wrong. Reload the page and try again.',
  'malformed-json': 'Something went wrong. Reload the page and try again.',
  'bad-cursor': 'Something went wrong. Reload the page and try again.',
  'unsupported-media-type': 'Something went wrong. Reload the page and try again.',
  'method-not-allowed': 'Something went wrong. Reload the page and try again.',
  'precondition-required': 'Something went wrong. Reload the page and try again.',
  'precondition-failed': 'Something went wrong. Reload the page and try again.',
  'range-not-satisfiable': 'Something went wrong. Reload the page and try again.',
  'uri-too-long': 'Something went wrong. Reload the page and try again.',
  'headers-too-large': 'Something went wrong. Reload the page and try again.',
  'length-required': 'Something went wrong. Reload the page and try again.',
  'misdirected-request': 'Something went wrong. Reload the page and try again.',
  'http-version-not-supported': 'Something went wrong. Reload the page and try again.',
  'bad-handshake': 'Something went wrong. Reload the page and try again.',
  'websocket-version': 'Something went wrong. Reload the page and try again.',
  'wrong-origin': 'Something went wrong. Reload the page and try again.',
};

interface ProblemDocument {
  type?: string;
  title?: string;
  detail?: string;
  traceId?: string;
  errors?: FieldError[];
  sessionEnded?: boolean;
  confirmed?: number;
}

/** Reads the answer of a failed request; an answer that isn't a problem document (a gateway's page) becomes one. */
export async function readProblem(response: Response): Promise<Problem> {
  let document: ProblemDocument = {};
  if (/\bjson\b/.test(response.headers.get('Content-Type') ?? '')) {
    document = (await response.json().catch(() => ({}))) as ProblemDocument;
  }
  const slug = document.type?.split(/[/:#]/).pop() || slugOfStatus(response.status);
  const known = has<string>(words, slug) ? words[slug as ProblemType] : undefined;
  const title = slug === 'capacity-below-confirmed' && document.confirmed !== undefined
    ? t('Capacity can’t be lower than {confirmed}, the number of confirmed registrations.', { confirmed: String(document.confirmed) })
    : known !== undefined ? t(known)
    : document.detail ?? document.title ?? t('The server answered with an error ({status}).', { status: String(response.status) });
  return new Problem(response.status, slug, title, document.errors ?? [], document.traceId ?? null, document.sessionEnded === true);
}

function slugOfStatus(status: number): string {
  switch (status) {
    case 401: return 'not-authenticated';
    case 403: return 'forbidden';
    case 404: return 'not-found';
    case 429: return 'too-many-requests';
    case 502: case 504: return 'outcome-unknown';
    case 503: return 'unavailable';
    default: return 'unexpected-answer';
  }
}
