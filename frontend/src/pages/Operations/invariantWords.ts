import type { Invariant } from '../../api/types';
import type { Text } from '../../language/text';

/** What is wrong where an invariant doesn't hold. */
export const invariantWords: Record<Invariant, Text> = {
  'places-missing': 'An event has no capacity counters',
  'confirmed-counter': 'The confirmed counter differs from the number of confirmed registrations',
  'waitlisted-counter': 'The waitlist counter differs from the number of waitlisted registrations',
  oversold: 'More registrations are confirmed than the event has spots',
  'idle-places': 'People are on the waitlist although spots are free and promotion is open',
  'line-number-ahead': 'A waitlist number is higher than the last one given out',
  'line-number-twice': 'A waitlist number was given out twice',
  'overtaken-in-line': 'Someone is still on the waitlist although a later number was promoted',
  'registered-twice': 'A person has more than one active registration for an event',
  'ticket-missing': 'A confirmed registration has no valid ticket yet',
  'ticket-twice': 'A registration has more than one valid ticket',
  'ticket-without-place': 'A ticket is valid although its registration is not confirmed or its event is canceled',
  'ticket-mismatch': 'A ticket’s event or person differs from its registration’s',
  'check-in-mismatch': 'A check-in’s event or registration differs from its ticket’s',
  'check-in-after-revocation': 'A ticket was checked in after it had been revoked',
  'admitted-without-place': 'Someone is checked in whose registration is not confirmed',
  'admitted-twice': 'A registration was checked in more than once',
  'sequence-broken': 'An event’s messages are not numbered consecutively',
  'sequence-counter': 'An event’s message counter differs from its highest message number',
  'published-without-sequence': 'A message was published without a number',
  unpublished: 'A message is waiting to be published',
  unshown: 'A change has not reached browsers',
  'notification-overdue': 'A notification should have been sent by now',
  'steps-overdue': 'Work done in steps has stalled',
};
