import type { FieldError, FieldErrorCode } from '../api/schemas';
import { has, t } from './text';
import type { Text } from './text';

type Parameters = NonNullable<FieldError['parameters']>;

/** What the pages say for each code of an invalid field; the field's label stands above it. */
const texts: Record<FieldErrorCode, Text | ((parameters: Parameters) => string)> = {
  'address-not-allowed': 'Enter a public URL.',
  'after-end': 'This must be before the event ends.',
  'already-used': 'This was already used.',
  'before-registration-opens': 'This must be after registration opens.',
  'before-start': 'This must be after the event starts.',
  'common-password': 'This password is too common. Choose another.',
  'contains-credentials': 'Remove the username and password from the URL.',
  'contains-fragment': 'Remove the part after # from the URL.',
  duplicate: 'Remove duplicates.',
  'in-the-past': 'Choose a time in the future.',
  'invalid-characters': 'Remove invisible and control characters.',
  'invalid-encoding': 'This isn’t encoded correctly.',
  'not-a-boolean': 'This must be true or false.',
  'not-a-color': 'Enter a color such as #0b6e5f.',
  'not-a-date-time': 'Enter a valid date and time.',
  'not-a-duration': 'Enter durations such as P7D (1 to 90 days) or PT24H (1 to 72 hours).',
  'not-a-list': ({ minimum, maximum }) => (minimum === undefined || maximum === undefined
    ? t('This isn’t in the expected format.') : t('Choose {minimum} to {maximum}.', { minimum, maximum })),
  'not-a-message-type': 'Choose valid message types.',
  'not-a-sequence': 'Enter a sequence number such as 17.',
  'not-a-string': 'This must be text.',
  'not-a-time-zone': 'Choose a time zone such as Europe/Berlin.',
  'not-a-url': 'Enter a URL such as https://example.com/hooks.',
  'not-a-uuid': 'This isn’t a valid ID.',
  'not-allowed': 'This can’t be changed here.',
  'not-an-email': 'Enter a valid email address.',
  'not-an-integer': 'Enter a whole number.',
  'not-an-object': 'This isn’t in the expected format.',
  'not-an-organizer': 'Enter the confirmed email address of an organizer.',
  'not-https': 'Enter a URL that starts with https://.',
  'out-of-range': ({ minimum, maximum }) => (minimum === undefined || maximum === undefined
    ? t('This is out of range.') : t('Enter a number from {minimum} to {maximum}.', { minimum, maximum })),
  'own-email': 'Enter someone else’s email address.',
  'personal-password': 'Don’t use your name or email in your password.',
  'port-not-allowed': 'Use port 80, 443, or one from 1024 to 65535.',
  required: 'This is required.',
  'too-far-ahead': 'Choose a time within a year.',
  'too-light': 'Choose a darker color, so that white text is readable.',
  'too-long': ({ maximum }) => (maximum === undefined ? t('This is too long.') : t('Enter at most {maximum} characters.', { maximum })),
  'too-short': ({ minimum }) => (minimum === undefined ? t('This is too short.') : t('Enter at least {minimum} characters.', { minimum })),
  'unknown-account': 'No account uses this email yet.',
  'unknown-value': ({ values }) => (values === undefined ? t('Choose one of the options.') : t('Choose from: {values}.', { values: values.join(', ') })),
  'wrong-password': 'Incorrect password.',
};

/** An error of a field as a sentence; in the server's words where a newer one has a code that this page doesn't know. */
export function fieldErrorText({ code, message, parameters = {} }: FieldError): string {
  if (!has(texts, code)) return `This ${message}.`;
  const text = texts[code];
  return typeof text === 'function' ? text(parameters) : t(text);
}
