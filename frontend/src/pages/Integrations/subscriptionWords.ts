import type { Subscription, WebhookDelivery } from '../../api/types';
import type { Tone } from '../../components/Badge';
import { serverWords } from '../../language/serverWords';
import { t } from '../../language/text';
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

/** Why it isn't active, which the API says in English. */
export function reasonWords(reason: string): string {
  const [, since] = /^Nothing has arrived since (\S+Z)\.$/.exec(reason) ?? [];
  return since === undefined ? serverWords(reason) : t('Nothing has arrived since {at}.', { at: formatMoment(since) });
}

export const subscriptionStates: Record<Subscription['status'], [Tone, Text]> = {
  active: ['good', 'Active'], paused: ['warn', 'Paused'], disabled: ['bad', 'Ended by the receiver'],
};

export const deliveryStates: Record<WebhookDelivery['status'], [Tone, Text]> = {
  queued: ['plain', 'On its way'], retrying: ['warn', 'Trying again'], delivered: ['good', 'Delivered'], failed: ['bad', 'Failed'],
};
