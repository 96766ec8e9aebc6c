import { t } from '../../language/text';
import type { Text } from '../../language/text';

// What stands against an address or a new password, in words; undefined when nothing does. The server checks again.

export function emailError(email: string): string | undefined {
  return /^\S+@\S+$/.test(email.trim()) ? undefined : t('Enter your email address.');
}

export function passwordError(password: string): string | undefined {
  return password.length >= 8 ? undefined : t('Use at least 8 characters.');
}

/** Of a password that is there already: what it looks like is no longer the question. */
export function requiredError(password: string): string | undefined {
  return password.length > 0 ? undefined : t('Enter your password.');
}

export const passwordHint: Text = 'At least 8 characters; a few words make a good one.';
