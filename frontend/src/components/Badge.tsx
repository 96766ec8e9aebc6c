import type { ReactNode } from 'react';
import type { EventStatus, NotificationStatus, RegistrationStatus } from '../api/types';
import { has, t } from '../language/text';
import type { Text } from '../language/text';

export type Tone = 'good' | 'warn' | 'bad' | 'accent' | 'plain';

export function Badge({ tone = 'plain', children }: { tone?: Tone; children: ReactNode }) {
  return <span className="em-badge" data-tone={tone}>{children}</span>;
}

/** The colour and the words of a state; a state that this page doesn't know yet is called by its code. */
export function toned<State extends string>(states: Readonly<Record<State, [Tone, Text]>>, state: State): { tone: Tone; words: string } {
  const known: [Tone, Text] | undefined = has(states, state) ? states[state] : undefined;
  return known === undefined ? { tone: 'plain', words: String(state) } : { tone: known[0], words: t(known[1]) };
}

const eventTones: Record<EventStatus, [Tone, Text]> = {
  draft: ['warn', 'Draft'], published: ['good', 'Published'], cancelled: ['bad', 'Cancelled'], ended: ['plain', 'Ended'],
};

export function EventBadge({ status }: { status: EventStatus }) {
  const { tone, words } = toned(eventTones, status);
  return <Badge tone={tone}>{words}</Badge>;
}

const registrationTones: Record<RegistrationStatus, [Tone, Text]> = {
  confirmed: ['good', 'Confirmed'], waitlisted: ['warn', 'In line'], cancelled: ['plain', 'Cancelled'],
};

export function RegistrationBadge({ status, position }: { status: RegistrationStatus; position?: number | null }) {
  const { tone, words } = toned(registrationTones, status);
  return <Badge tone={tone}>{status === 'waitlisted' && position ? t('In line at {position}', { position }) : words}</Badge>;
}

const notificationTones: Record<NotificationStatus, [Tone, Text]> = {
  queued: ['plain', 'On its way'], sent: ['good', 'Sent'], retrying: ['warn', 'Trying again'], failed: ['bad', 'Failed'], muted: ['plain', 'Not by email'],
};

export function NotificationBadge({ status }: { status: NotificationStatus }) {
  const { tone, words } = toned(notificationTones, status);
  return <Badge tone={tone}>{words}</Badge>;
}
