import { t } from '../../language/text';
import type { Text } from '../../language/text';

/** What was done, by the API's code for it. */
const actions: Record<string, Text | undefined> = {
  'event.created': 'Event created',
  'event.edited': 'Event changed',
  'event.published': 'Event published',
  'event.cancelled': 'Event called off',
  'event.mail-settings-edited': 'Mails of the event changed',
  'registration.added': 'Attendee added',
  'registration.removed': 'Attendee removed',
  'registration.mail-resent': 'Mail sent once more',
  'member.added': 'Taken into the team',
  'member.changed': 'Other role in the team',
  'member.removed': 'Taken out of the team',
  'ticket.reissued': 'New ticket code',
  'ticket.transfer-offered': 'Ticket offered to somebody',
  'ticket.transfer-withdrawn': 'Offer of a ticket withdrawn',
  'ticket.transferred': 'Ticket taken over',
  'check-in.undone': 'Check-in undone',
  'announcement.posted': 'Announcement posted',
  'announcement.scheduled': 'Announcement planned',
  'announcement.cancelled': 'Planned announcement dropped',
  'user.registered': 'Account created',
  'user.registered-again': 'Signed up with a known address',
  'user.email-verified': 'Address confirmed',
  'user.email-change-requested': 'New address asked for',
  'user.email-changed': 'Address changed',
  'user.password-changed': 'Password changed',
  'user.password-reset': 'Password reset by mail',
  'user.role-granted': 'Role granted',
  'user.deleted': 'Account deleted',
  'session.ended': 'Session ended',
  'session.all-ended': 'All sessions ended',
  'session.reuse-detected': 'Stolen session stopped',
  'mails.unsubscribed': 'Mails switched off by a mail’s link',
  'mails.resubscribed': 'Mails switched on by a mail’s link',
  'api-key.created': 'API key made',
  'api-key.revoked': 'API key revoked',
  'subscription.created': 'Subscription set up',
  'subscription.edited': 'Subscription changed',
  'subscription.credentials-renewed': 'New secret for a subscription',
  'subscription.tested': 'Subscription tested',
  'subscription.deleted': 'Subscription deleted',
  'delivery.retried': 'Delivery tried by hand',
  'sending.paused': 'Sending of mail paused',
  'sending.resumed': 'Sending of mail resumed',
  'dead-letter.replayed': 'Dead letter sent back',
  'dead-letter.discarded': 'Dead letter thrown away',
  'audit.contents-erased': 'Contents of the log erased with a person',
};

/** Null for a code that this page doesn't know. */
export function actionText(code: string): string | null {
  const text = actions[code];
  return text === undefined ? null : t(text);
}
