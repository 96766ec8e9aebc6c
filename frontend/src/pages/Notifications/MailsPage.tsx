import { useState } from 'react';
import { events } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { useResource } from '../../api/useResource';
import type { Event, MailPreviewRequest, MailSettings } from '../../api/types';
import { Busy } from '../../components/Busy';
import { Checkbox, Select, TextArea, TextField } from '../../components/Field';
import { fieldErrors, Form } from '../../components/Form';
import { notificationKinds } from '../../components/notificationKinds';
import { Loaded, Pending } from '../../components/States';
import { catalogue, isLanguage, languages } from '../../language/language';
import { t } from '../../language/text';
import type { Text } from '../../language/text';
import { MailPreview } from './MailPreview';
import { ManagedEvent } from '../Events/ManagedEvent';

export function MailsPage({ id = '' }: { id?: string }) {
  return <ManagedEvent id={id} section="Mails">{(event) => <Mails event={event} />}</ManagedEvent>;
}

function Mails({ event }: { event: Event }) {
  const settings = useResource<MailSettings>(`mail-settings:${event.id}`, (signal) => events.mailSettings(event.id, signal));
  return (
    <Loaded of={settings} pending={<Pending heights={[400]} />}>
      {(now) => <Wording eventId={event.id} initial={now} saved={(next) => settings.set(() => next)} />}
    </Loaded>
  );
}

const reminders: [string, Text][] = [
  ['P7D', '7 days before, at the same hour'], ['P1D', 'The day before, at the same hour'], ['PT24H', '24 hours before'], ['PT2H', '2 hours before'],
];
/** A paragraph and a colour of one's own in the event's mails, where answers go, and when reminders do. */
function Wording({ eventId, initial, saved }: { eventId: string; initial: MailSettings; saved: (now: MailSettings) => void }) {
  const [values, setValues] = useState(initial);
  const [said, setSaid] = useState(false);
  const set = (change: Partial<MailSettings>): void => { setSaid(false); setValues((before) => ({ ...before, ...change })); };
  const save = useAction(async () => {
    // Empty is left out: what isn't named is taken away.
    const { replyTo, ...others } = values;
    const now = await events.setMailSettings(eventId, { ...others, ...(replyTo?.trim() && { replyTo: replyTo.trim() }) });
    saved(now);
    setValues(now);
    setSaid(true);
  });
  const errors = fieldErrors(save.problem);
  // What somebody set by other means than this page stays, and can be taken away here.
  const others = initial.reminders.filter((one) => !reminders.some(([value]) => value === one));
  const toggle = (value: string, isOn: boolean): void =>
    set({ reminders: isOn ? [...values.reminders, value] : values.reminders.filter((one) => one !== value) });
  return (
    <div className="em-halves">
      <Form saved={initial} name={t('Mails')} problem={save.problem} onSubmit={() => void save.run()} className="em-card em-stack">
        <TextArea label={t('A paragraph of your own')} name="paragraph" rows={4} maxLength={2000} value={values.paragraph} error={errors.paragraph}
          hint={t('Stands in every mail about this event. May stay empty.')} onChange={(event) => set({ paragraph: event.target.value })} />
        <TextField type="email" inputMode="email" autoComplete="email" label={t('Answers go to')} name="replyTo" maxLength={254} value={values.replyTo ?? ''} error={errors.replyTo}
          hint={t('Everybody who gets a mail sees this address. Empty: the address of this site.')} onChange={(event) => set({ replyTo: event.target.value })} />
        <Checkbox label={t('A colour of your own')} name="hasColour" checked={values.colour !== null}
          onChange={(event) => set({ colour: event.target.checked ? '#0b6e5f' : null })} />
        {values.colour !== null && (
          <TextField type="color" className="form-control-color" label={t('Colour')} name="colour" value={values.colour} error={errors.colour}
            hint={t('White text on it must be readable.')} onChange={(event) => set({ colour: event.target.value })} />
        )}
        <fieldset>
          <legend className="em-strong em-legend">{t('Reminders')}</legend>
          {reminders.map(([value, name]) => (
            <Checkbox key={value} label={t(name)} name={`reminder-${value}`} checked={values.reminders.includes(value)}
              onChange={(event) => toggle(value, event.target.checked)} />
          ))}
          {others.map((value) => (
            <Checkbox key={value} label={value} name={`reminder-${value}`} checked={values.reminders.includes(value)}
              onChange={(event) => toggle(value, event.target.checked)} />
          ))}
          {errors.reminders && <div className="invalid-feedback">{errors.reminders}</div>}
        </fieldset>
        <div className="em-row">
          <Busy type="submit" pending={save.pending} className="btn btn-primary">{t('Save')}</Busy>
          <span role="status">{said && t('Saved.')}</span>
        </div>
      </Form>
      <Sample eventId={eventId} paragraph={values.paragraph} colour={values.colour} />
    </div>
  );
}

type Kind = MailPreviewRequest['kind'];

/** What the wording, saved or not, makes of a mail. */
function Sample({ eventId, paragraph, colour }: { eventId: string; paragraph: string; colour: string | null }) {
  const [kind, setKind] = useState<Kind>('registration.confirmed');
  const [language, setLanguage] = useState(catalogue().language);
  return (
    <section className="em-card em-stack" aria-labelledby="sample-heading">
      <h2 id="sample-heading" className="mb-0">{t('How it looks')}</h2>
      <div className="em-stack">
        <Select label={t('Mail')} name="kind" value={kind} onChange={(event) => setKind(event.target.value as Kind)}>
          {Object.entries(notificationKinds).filter(([value]) => value !== 'announcement')
            .map(([value, name]) => <option key={value} value={value}>{t(name)}</option>)}
        </Select>
        <Select label={t('Language')} name="language" value={language} onChange={({ target: { value } }) => { if (isLanguage(value)) setLanguage(value); }}>
          {Object.entries(languages).map(([tag, name]) => <option key={tag} value={tag} lang={tag}>{name}</option>)}
        </Select>
      </div>
      <MailPreview eventId={eventId} wish={{ kind, language, paragraph, colour }} />
    </section>
  );
}
