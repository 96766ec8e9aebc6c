import type { Subscription, SubscriptionStatusReason, WebhookDelivery, WebhookError } from '../../api/types';
import type { Tone } from '../../components/Badge';
import { has, t } from '../../language/text';
import type { Text } from '../../language/text';
import { formatMoment } from '../../time/format';

/** What can be subscribed to, by families of message types. */
export const families: [string, Text][] = [
  ['em.event.*', 'Events: published, changed, cancelled'],
  ['em.registration.*', 'Registrations: confirmed, in line, moved up, cancelled'],
  ['em.ticket.*', 'Tickets: issued, revoked, checked in'],
  ['em.announcement.*', 'Announcements'],
  ['em.notification.*', 'Mails that did not arrive'],
];

/** What a type of messages, or a family of them, is about; a single type is named as it is. */
export function typeWords(type: string): string {
  if (type === '*') return t('Everything');
  const family = families.find(([name]) => name === type);
  return family ? t(family[1]) : type;
}

/** Why it isn't active; null where its owner paused it. */
export function reasonWords({ statusReason, statusReasonCode: code, failingSince }: Subscription): string | null {
  if (code === null || !has(reasons, code)) return statusReason;
  if (code === 'nothing-delivered' && failingSince !== null) return t('Nothing has arrived since {at}.', { at: formatMoment(failingSince) });
  return t(reasons[code]);
}

const reasons: Record<SubscriptionStatusReason, Text> = {
  'receiver-gone': 'The receiver answered 410 Gone.', 'nothing-delivered': 'Nothing could be delivered.',
  'account-locked': 'The account was locked.', 'admins-only': 'Only admins can subscribe to all events.',
};

/** Why an attempt got no answer. */
export function errorWords(code: WebhookError | null, words: string | null): string {
  return code !== null && has(errors, code) ? t(errors[code]) : words ?? t('No answer');
}

const errors: Record<WebhookError, Text> = {
  'address-not-allowed': 'Address not allowed', 'unknown-host': 'Unknown host', 'connection-failed': 'Couldn’t connect',
  'timed-out': 'Timed out', 'tls-failed': 'No secure connection', 'connection-lost': 'Connection lost', 'not-sent': 'Not sent',
  'message-pruned': 'No longer in the event log',
};

export const subscriptionStates: Record<Subscription['status'], [Tone, Text]> = {
  active: ['good', 'Active'], paused: ['warn', 'Paused'], disabled: ['bad', 'Ended by the receiver'],
};

export const deliveryStates: Record<WebhookDelivery['status'], [Tone, Text]> = {
  queued: ['plain', 'On its way'], retrying: ['warn', 'Trying again'], delivered: ['good', 'Delivered'], failed: ['bad', 'Failed'],
};
