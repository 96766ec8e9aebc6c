import type { ReactNode } from 'react';
import type { EventStatus, NotificationStatus, RegistrationStatus } from '../api/types';
import { t } from '../language/text';
import type { Text } from '../language/text';

export type Tone = 'good' | 'warn' | 'bad' | 'accent' | 'plain';

export function Badge({ tone = 'plain', children }: { tone?: Tone; children: ReactNode }) {
  return <span className="em-badge" data-tone={tone}>{children}</span>;
}

const eventTones: Record<EventStatus, [Tone, Text]> = {
  draft: ['warn', 'Draft'], published: ['good', 'Published'], cancelled: ['bad', 'Cancelled'], ended: ['plain', 'Ended'],
};

export function EventBadge({ status }: { status: EventStatus }) {
  const [tone, text] = eventTones[status];
  return <Badge tone={tone}>{t(text)}</Badge>;
}

const registrationTones: Record<RegistrationStatus, [Tone, Text]> = {
  confirmed: ['good', 'Confirmed'], waitlisted: ['warn', 'In line'], cancelled: ['plain', 'Cancelled'],
};

export function RegistrationBadge({ status, position }: { status: RegistrationStatus; position?: number | null }) {
  const [tone, text] = registrationTones[status];
  return <Badge tone={tone}>{status === 'waitlisted' && position ? t('In line at {position}', { position }) : t(text)}</Badge>;
}

const notificationTones: Record<NotificationStatus, [Tone, Text]> = {
  queued: ['plain', 'On its way'], sent: ['good', 'Sent'], retrying: ['warn', 'Trying again'], failed: ['bad', 'Failed'], muted: ['plain', 'Not by email'],
};

export function NotificationBadge({ status }: { status: NotificationStatus }) {
  const [tone, text] = notificationTones[status];
  return <Badge tone={tone}>{t(text)}</Badge>;
}
