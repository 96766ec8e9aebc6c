import { useMemo, useState } from 'react';
import type { Action } from '../../api/useAction';
import type { Event, EventDraft } from '../../api/types';
import { Busy } from '../../components/Busy';
import { Checkbox, Select, TextArea, TextField } from '../../components/Field';
import { fieldErrors, Form, useValidation } from '../../components/Form';
import type { FieldErrors } from '../../components/Form';
import { formatSpan } from '../../time/format';
import { browserZone, knownZones, usable } from '../../time/zone';
import { Preview } from './Preview';
import { readForm } from './eventFormValues';
import type { EventFormValues } from './eventFormValues';
import { t } from '../../language/text';

interface Props {
  name: string;
  initial: EventFormValues;
  /** The event as it is, when this changes one. */
  before?: Event;
  submitLabel: string;
  save: Action<[EventFormValues, EventDraft], void>;
}

export function EventForm({ name, initial, before, submitLabel, save }: Props) {
  const [values, setValues] = useState(initial);
  const zones = useMemo(() => knownZones(initial.timeZone, browserZone() ?? 'UTC'), [initial.timeZone]);
  const tooSmall = save.problem?.slug === 'capacity-below-confirmed';
  const refused: FieldErrors = tooSmall ? { capacity: save.problem?.message ?? '' } : fieldErrors(save.problem);
  const read = readForm(values);
  const validation = useValidation(read.errors);
  const errors = { ...refused, ...validation.shown };
  const set = (change: Partial<EventFormValues>): void => setValues((before) => ({ ...before, ...change }));
  const submit = (): void => {
    if (validation.passes()) void save.run(values, read.draft);
  };
  const time = (field: 'startsAt' | 'endsAt' | 'registrationOpensAt' | 'registrationClosesAt' | 'checkInOpensAt', label: string, hint?: string) => (
    <TextField type="datetime-local" label={label} name={field} hint={hint} value={values[field]} error={errors[field]}
      onChange={(event) => set({ [field]: event.target.value })} />
  );
  const more = initial.registrationOpensAt || initial.registrationClosesAt || initial.checkInOpensAt
    || errors.registrationOpensAt || errors.registrationClosesAt || errors.checkInOpensAt;

  return (
    <div className="em-two">
      <Form name={name} problem={tooSmall ? null : save.problem} onSubmit={submit} onLeave={validation.leave} className="em-card em-stack">
        <TextField label={t('Title')} name="title" maxLength={200} value={values.title} error={errors.title}
          onChange={(event) => set({ title: event.target.value })} />
        <TextArea label={t('Description')} name="description" rows={6} maxLength={20000} value={values.description}
          error={errors.description} onChange={(event) => set({ description: event.target.value })} />
        <TextField label={t('Venue')} name="venue" maxLength={300} value={values.venue} error={errors.venue}
          onChange={(event) => set({ venue: event.target.value })} />
        <div className="em-pair">
          {time('startsAt', t('Starts'))}
          {time('endsAt', t('Ends'))}
        </div>
        <Select label={t('Time zone')} name="timeZone" value={values.timeZone} error={errors.timeZone}
          hint={zoneHint(values.timeZone, before)} onChange={(event) => set({ timeZone: event.target.value })}>
          {zones.map((zone) => <option key={zone} value={zone}>{zone.replaceAll('_', ' ')}</option>)}
        </Select>
        <div className="em-pair">
          <TextField label={t('Capacity')} name="capacity" type="number" inputMode="numeric" min={1} max={1000000} step={1}
            hint={t('How many places there are.')} value={values.capacity} error={errors.capacity}
            onChange={(event) => set({ capacity: event.target.value })} />
        </div>
        <Checkbox label={t('Keep a waitlist when it is full')} name="waitlistEnabled" checked={values.waitlistEnabled}
          hint={t('Whoever is first in line gets a place as soon as one is free.')}
          onChange={(event) => set({ waitlistEnabled: event.target.checked })} />
        {values.waitlistEnabled && (
          <Checkbox label={t('Keep moving people up from the waitlist after registration has closed')} name="promoteAfterClose"
            checked={values.promoteAfterClose} onChange={(event) => set({ promoteAfterClose: event.target.checked })} />
        )}
        <details open={Boolean(more)}>
          <summary className="em-strong">{t('Registration and check-in times')}</summary>
          <div className="em-stack mt-3">
            <div className="em-pair">
              {time('registrationOpensAt', t('Registration opens'), t('Empty: as soon as it is published.'))}
              {time('registrationClosesAt', t('Registration closes'), t('Empty: when the event ends.'))}
            </div>
            <div className="em-pair">{time('checkInOpensAt', t('Check-in opens'), t('Empty: at any time.'))}</div>
          </div>
        </details>
        <div><Busy type="submit" pending={save.pending} className="btn btn-primary">{submitLabel}</Busy></div>
      </Form>
      <Preview draft={read.draft} />
    </div>
  );
}

/** What the zone means for the times above; once it is another, when the event is until that is saved. */
function zoneHint(zone: string, before: Event | undefined): string {
  const meaning = usable(zone) === null
    ? t('This browser doesn’t know this zone: all times of this form are meant in UTC.')
    : t('All times of this form are meant in this zone.');
  if (before === undefined || before.timeZone === zone) return meaning;
  return `${meaning} ${t('Before: {when}.', { when: formatSpan(before.startsAt, before.endsAt, before.timeZone) })}`;
}
