import type { Notification } from '../api/types';
import type { Text } from '../language/text';

/** What people are told of, by mail or here. */
export const notificationKinds: Record<Notification['kind'], Text> = {
  'registration.confirmed': 'Your place is confirmed',
  'registration.cancelled': 'Your registration was cancelled',
  'ticket.transferOffered': 'Your ticket was offered to somebody',
  'ticket.transferred': 'Your ticket was taken over',
  'member.added': 'You are in the event’s team',
  'registration.waitlisted': 'You are in line',
  'registration.promoted': 'You moved up and have a place',
  'event.updated': 'The event was changed',
  'event.cancelled': 'The event was cancelled',
  'event.reminder': 'The event is near',
  announcement: 'An announcement',
  'subscription.paused': 'A subscription gets no more deliveries',
};
