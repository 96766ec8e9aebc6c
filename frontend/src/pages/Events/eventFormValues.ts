import type { Event, EventDraft } from '../../api/types';
import type { FieldErrors } from '../../components/Form';
import { localTime, resolveLocalTime } from '../../time/zone';
import { t } from '../../language/text';

/** What the form holds: text, and clock times in the event's own zone as datetime-local inputs write them. */
export interface EventFormValues {
  title: string;
  description: string;
  venue: string;
  startsAt: string;
  endsAt: string;
  timeZone: string;
  capacity: string;
  waitlistEnabled: boolean;
  promoteAfterClose: boolean;
  registrationOpensAt: string;
  registrationClosesAt: string;
  checkInOpensAt: string;
}

const timeFields = ['startsAt', 'endsAt', 'registrationOpensAt', 'registrationClosesAt', 'checkInOpensAt'] as const;
type TimeField = (typeof timeFields)[number];

export function blankForm(timeZone: string): EventFormValues {
  return {
    title: '', description: '', venue: '', startsAt: '', endsAt: '', timeZone, capacity: '', waitlistEnabled: false,
    promoteAfterClose: true, registrationOpensAt: '', registrationClosesAt: '', checkInOpensAt: '',
  };
}

export function formOf(event: Event): EventFormValues {
  const clock = (utc: string | null): string => (utc ? localTime(utc, event.timeZone) : '');
  return {
    title: event.title, description: event.description, venue: event.venue, timeZone: event.timeZone,
    startsAt: clock(event.startsAt), endsAt: clock(event.endsAt), capacity: String(event.capacityTarget ?? event.capacity),
    waitlistEnabled: event.waitlistEnabled, promoteAfterClose: event.promoteAfterClose,
    registrationOpensAt: clock(event.registrationOpensAt), registrationClosesAt: clock(event.registrationClosesAt),
    checkInOpensAt: clock(event.checkInOpensAt),
  };
}

/** For another event like this one: everything but its times. */
export function copyOf(event: Event): EventFormValues {
  return { ...formOf(event), startsAt: '', endsAt: '', registrationOpensAt: '', registrationClosesAt: '', checkInOpensAt: '' };
}

/** The form as the API wants it, or what stands against it, field by field. The server checks again. */
export function readForm(values: EventFormValues): { draft: EventDraft; errors: FieldErrors } {
  const errors: FieldErrors = {};
  const time = (field: TimeField): string | null => {
    const text = values[field];
    if (!text) return null;
    const resolved = resolveLocalTime(text, values.timeZone);
    if (resolved === null) errors[field] = t('Enter a date and a time.');
    else if (resolved.kind === 'skipped') errors[field] = t('Clocks in {zone} skip this time: summer time begins.', { zone: values.timeZone });
    return resolved?.utc ?? null;
  };
  const draft: EventDraft = {
    title: values.title.trim(), description: values.description.trim(), venue: values.venue.trim(),
    startsAt: time('startsAt') ?? '', endsAt: time('endsAt') ?? '', timeZone: values.timeZone,
    capacity: Number(values.capacity), waitlistEnabled: values.waitlistEnabled,
    promoteAfterClose: values.promoteAfterClose,
    registrationOpensAt: time('registrationOpensAt'), registrationClosesAt: time('registrationClosesAt'),
    checkInOpensAt: time('checkInOpensAt'),
  };
  if (!draft.title) errors.title = t('Give the event a title.');
  if (!values.startsAt) errors.startsAt = t('Say when it starts.');
  if (!values.endsAt) errors.endsAt = t('Say when it ends.');
  if (draft.startsAt && draft.endsAt && draft.endsAt <= draft.startsAt) errors.endsAt ??= t('It must end after it starts.');
  if (!/^\d+$/.test(values.capacity) || draft.capacity < 1) errors.capacity = t('Enter how many places there are, at least 1.');
  return { draft, errors };
}

/** Only what was changed, so that nobody else's edit of another field is overwritten. */
export function changedFields(before: EventFormValues, values: EventFormValues, draft: EventDraft): Partial<EventDraft> {
  const zoneChanged = before.timeZone !== values.timeZone;
  const changed = (field: keyof EventFormValues): boolean =>
    before[field] !== values[field] || (zoneChanged && (timeFields as readonly string[]).includes(field) && values[field] !== '');
  return Object.fromEntries(
    (Object.keys(values) as (keyof EventFormValues)[]).filter(changed).map((field) => [field, draft[field]]),
  );
}

/** Whether an event that is to come, or on, would be over by these changes. */
export function putsIntoPast(before: Pick<Event, 'endsAt'>, changes: Partial<EventDraft>, now: number): boolean {
  return Date.parse(before.endsAt) > now && changes.endsAt !== undefined && Date.parse(changes.endsAt) <= now;
}
