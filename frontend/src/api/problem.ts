import { serverWords } from '../language/serverWords';
import { t } from '../language/text';
import type { Text } from '../language/text';

export interface FieldError {
  field: string;
  message: string;
}

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

/** What is said in other words here than by the server; what it calls the rest stands in serverGerman.ts. */
export const words: Record<string, Text | undefined> = {
  'validation-failed': 'Please look at the marked fields.',
  'invalid-credentials': 'The address or the password is wrong.',
  'not-authenticated': 'Please sign in first.',
  'token-expired': 'Your session has ended. Please sign in again.',
  forbidden: 'You aren’t allowed to do this.',
  'not-found': 'This doesn’t exist, or not any more.',
  'reauthentication-required': 'Please enter your password again to do this.',
  'account-locked': 'This account is locked. Please contact the people who run this site.',
  'email-not-verified': 'Your email address isn’t confirmed yet. Follow the link in the mail that we sent you.',
  'link-invalid': 'This link was used already, or it is too old.',
  'email-taken': 'There is an account with this address already.',
  full: 'Sorry, this event is full.',
  'registration-closed': 'Registration for this event is closed.',
  'registration-not-open': 'Registration for this event hasn’t opened yet.',
  'already-registered': 'You are registered for this event already.',
  'event-not-published': 'This event isn’t published.',
  'event-cancelled': 'This event was cancelled.',
  'event-ended': 'This event has ended.',
  'already-cancelled': 'This was cancelled already.',
  'request-in-flight': 'This is being done already. Please try again in a moment.',
  'version-mismatch': 'Somebody else changed this event meanwhile. Reload it and make your changes again.',
  'owner-stays': 'Whoever owns the event stays in its team.',
  'not-checked-in': 'This scan let nobody in: there is nothing to take back.',
  'already-checked-in': 'This ticket is checked in already. Only the organizer can change that now.',
  'messages-pruned': 'The first of these messages are not kept any more. Begin with a later one.',
  'subscription-not-active': 'This subscription is not active. Resume it first.',
  'limit-reached': 'There are as many of these as one account may have. Delete one first.',
  'last-admin': 'At least one admin has to stay, and you can’t lock your own account.',
  'events-ahead': 'People are expected at events of yours. Cancel those first, or wait until they are over.',
  'too-many-requests': 'That was a bit quick. Please wait a moment and try again.',
  unavailable: 'The service is busy or being restarted. Nothing was changed: please try again in a moment.',
  'outcome-unknown': 'We couldn’t learn whether this worked. Trying again is safe.',
  'internal-error': 'Something went wrong on our side. Nothing was changed.',
};

interface ProblemDocument {
  type?: string;
  title?: string;
  detail?: string;
  traceId?: string;
  errors?: FieldError[];
  sessionEnded?: boolean;
}

/** Reads the answer of a failed request; an answer that isn't a problem document (a gateway's page) becomes one. */
export async function readProblem(response: Response): Promise<Problem> {
  let document: ProblemDocument = {};
  if (/\bjson\b/.test(response.headers.get('Content-Type') ?? '')) {
    document = (await response.json().catch(() => ({}))) as ProblemDocument;
  }
  const slug = document.type?.split(/[/:#]/).pop() || slugOfStatus(response.status);
  const known = words[slug];
  const title = known !== undefined ? t(known)
    : serverWords(document.detail ?? document.title ?? '') || t('The server answered with an error ({status}).', { status: String(response.status) });
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
