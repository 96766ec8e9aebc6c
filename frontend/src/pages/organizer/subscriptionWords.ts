import type { Subscription, WebhookDelivery } from '../../api/types';
import type { Tone } from '../../components/Badge';
import type { Text } from '../../language/text';

/** What can be subscribed to, by families of message types. */
export const families: [string, Text][] = [
  ['em.event.*', 'Events: published, changed, cancelled'],
  ['em.registration.*', 'Registrations: confirmed, in line, moved up, cancelled'],
  ['em.ticket.*', 'Tickets: issued, revoked, checked in'],
  ['em.announcement.*', 'Announcements'],
  ['em.notification.*', 'Mails that did not arrive'],
];

export const subscriptionStates: Record<Subscription['status'], [Tone, Text]> = {
  active: ['good', 'Active'], paused: ['warn', 'Paused'], disabled: ['bad', 'Ended by the receiver'],
};

export const deliveryStates: Record<WebhookDelivery['status'], [Tone, Text]> = {
  queued: ['plain', 'On its way'], retrying: ['warn', 'Trying again'], delivered: ['good', 'Delivered'], failed: ['bad', 'Failed'],
};
