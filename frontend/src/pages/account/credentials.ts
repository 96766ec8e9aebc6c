// What stands against an address or a new password, in words; undefined when nothing does. The server checks again.

export function emailError(email: string): string | undefined {
  return /^\S+@\S+$/.test(email.trim()) ? undefined : 'Enter your email address.';
}

export function passwordError(password: string): string | undefined {
  return password.length >= 8 ? undefined : 'Use at least 8 characters.';
}

/** Of a password that is there already: what it looks like is no longer the question. */
export function requiredError(password: string): string | undefined {
  return password.length > 0 ? undefined : 'Enter your password.';
}

export const passwordHint = 'At least 8 characters; a few words make a good one.';
