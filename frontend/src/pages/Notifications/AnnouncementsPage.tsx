import { useState } from 'react';
import { events } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { useIntention } from '../../api/useIntention';
import { useResource } from '../../api/useResource';
import type { Audience, Event } from '../../api/types';
import { Busy } from '../../components/Busy';
import { Checkbox, Select, TextArea, TextField } from '../../components/Field';
import { fieldErrors, Form, onlyErrors, useValidation } from '../../components/Form';
import { Prose } from '../../components/Prose';
import { Empty } from '../../components/States';
import { catalogue } from '../../language/language';
import { plural, t } from '../../language/text';
import type { Text } from '../../language/text';
import { serverNow } from '../../time/serverClock';
import { resolveLocalTime } from '../../time/zone';
import { MailPreview } from './MailPreview';
import { Mailings } from './Mailings';
import { ManagedEvent } from '../Events/ManagedEvent';

export function AnnouncementsPage({ id = '' }: { id?: string }) {
  return <ManagedEvent id={id} section="Announcements">{(event) => <Announce event={event} />}</ManagedEvent>;
}

const audiences: Record<Audience, Text> = {
  all: 'Everybody, also those in line', confirmed: 'Those with a place', waitlisted: 'Those in line', checkedIn: 'Those who are in',
};

function Announce({ event }: { event: Event }) {
  const [title, setTitle] = useState('');
  const [body, setBody] = useState('');
  const [audience, setAudience] = useState<Audience>('all');
  const [isLater, setLater] = useState(false);
  const [at, setAt] = useState('');
  // Remounts the list after a post: it also comes by the socket, which may be away.
  const [posted, setPosted] = useState({ count: 0, wasLater: false });
  const sendAt = isLater ? resolveLocalTime(at, event.timeZone)?.utc ?? null : null;
  const intend = useIntention();
  const post = useAction(async () => {
    const wish = { title: title.trim(), body: body.trim(), audience, sendAt };
    await intend(wish, (key) => events.announce(event.id, wish, key));
    setTitle('');
    setBody('');
    setLater(false);
    setPosted(({ count }) => ({ count: count + 1, wasLater: wish.sendAt !== null }));
  });
  const validation = useValidation(onlyErrors({
    title: title.trim() ? undefined : t('Give it a title.'),
    body: body.trim() ? undefined : t('Write what people should know.'),
    sendAt: !isLater || (sendAt !== null && Date.parse(sendAt) > serverNow()) ? undefined : t('Choose a time to come.'),
  }));
  const submit = (): void => { if (validation.passes()) void post.run(); };
  const errors = { ...fieldErrors(post.problem), ...validation.shown };
  if (event.status === 'draft') return <Empty title={t('Still a draft')}>{t('Announcements can be posted once the event is published.')}</Empty>;
  return (
    <div className="em-two">
      <Form saved={posted.count} name={t('Post an announcement')} problem={post.problem} onSubmit={submit} className="em-card em-stack">
        <TextField label={t('Title')} name="title" maxLength={200} value={title} error={errors.title} onChange={(change) => setTitle(change.target.value)} />
        <TextArea label={t('Text')} name="body" rows={4} maxLength={10000} value={body} error={errors.body}
          hint={audience === 'all' ? t('Everybody who looks at the event sees it at once.') : t('Only those people get it; it does not stand on the event’s page.')}
          onChange={(change) => setBody(change.target.value)} />
        <Select label={t('To')} name="audience" value={audience} hint={<Reach eventId={event.id} audience={audience} />}
          onChange={(change) => setAudience(change.target.value as Audience)}>
          {Object.entries(audiences).map(([value, name]) => <option key={value} value={value}>{t(name)}</option>)}
        </Select>
        <Checkbox label={t('Send it later')} name="later" checked={isLater} onChange={(change) => setLater(change.target.checked)} />
        {isLater && (
          <TextField type="datetime-local" label={t('When')} name="sendAt" value={at} error={errors.sendAt}
            hint={t('By the clocks of {zone}.', { zone: event.timeZone.replaceAll('_', ' ') })} onChange={(change) => setAt(change.target.value)} />
        )}
        {(title.trim() || body.trim()) && (
          <div aria-label={t('Preview')} role="group">
            <div className="em-small em-soft mb-1">{t('Preview')}</div>
            <div className="em-card em-sunken mb-3"><p className="em-strong mb-1" dir="auto">{title || '…'}</p><Prose text={body} className="mb-0" /></div>
            {title.trim() && body.trim() && (
              <MailPreview eventId={event.id} wish={{ kind: 'announcement', language: catalogue().language, title: title.trim(), body: body.trim() }} className="btn btn-sm btn-outline-secondary" />
            )}
          </div>
        )}
        <div className="em-row">
          <Busy type="submit" pending={post.pending} className="btn btn-primary">{isLater ? t('Schedule announcement') : t('Post announcement')}</Busy>
          <span role="status">{posted.count > 0 && !post.pending && !post.problem && (posted.wasLater ? t('Scheduled.') : t('Posted.'))}</span>
        </div>
      </Form>
      <Mailings key={posted.count} eventId={event.id} />
    </div>
  );
}

/** How many people it would reach if it were sent now. */
function Reach({ eventId, audience }: { eventId: string; audience: Audience }) {
  const reach = useResource<{ recipients: number; mails: number }>(`reach:${eventId}:${audience}`, (signal) => events.reach(eventId, audience, signal));
  if (reach.data === undefined) return <span>…</span>;
  const { recipients, mails } = reach.data;
  const people = plural('{count} person now|{count} people now', recipients);
  return <span>{mails < recipients ? `${people}, ${plural('{count} of them by email|{count} of them by email', mails)}` : people}</span>;
}
