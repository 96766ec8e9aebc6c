import { t } from '../../language/text';
import type { Text } from '../../language/text';

const reasons: Record<string, Text | undefined> = {
  undecodable: 'it can’t be read',
  'undecodable-data': 'what it says can’t be read',
  'unknown-version': 'it is of a version that nobody knows',
  'kills-worker': 'the workers that took it up ended',
  failed: 'it failed',
  'handler-failed': 'it failed',
  'database-error': 'the database refused it',
  'database-timeout': 'the database took too long',
  'database-away': 'the database was away',
  'broker-away': 'RabbitMQ was away',
  'sending-paused': 'the sending of mail was paused',
  'recipient-domain-busy': 'too many mails were on their way to the same server',
  'mail-undelivered': 'the mail was not taken',
  unknown: 'nobody knows why',
  // RabbitMQ's own, of what it parked by itself.
  delivery_limit: 'it was handed out too often',
  expired: 'it waited too long',
  maxlen: 'the queue was full',
  rejected: 'it was refused',
};

/** Why a message was given up, by the API's code for it; null for a code that this page doesn't know. */
export function reasonText(code: string): string | null {
  const reply = /^mail-(\d+)$/.exec(code)?.[1];
  if (reply !== undefined) return t('the mail server answered {code}', { code: reply });
  const text = reasons[code];
  return text === undefined ? null : t(text);
}
