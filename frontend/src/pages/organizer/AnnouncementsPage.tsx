import { useState } from 'react';
import { events } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { useIntention } from '../../api/useIntention';
import type { Event } from '../../api/types';
import { Announcements } from '../../components/Announcements';
import { Busy } from '../../components/Busy';
import { TextArea, TextField } from '../../components/Field';
import { fieldErrors, Form, onlyErrors, useValidation } from '../../components/Form';
import { Empty } from '../../components/States';
import { ManagedEvent } from './ManagedEvent';
import { t } from '../../language/text';

export function AnnouncementsPage({ id = '' }: { id?: string }) {
  return <ManagedEvent id={id} section="Announcements">{(event) => <Announce event={event} />}</ManagedEvent>;
}

function Announce({ event }: { event: Event }) {
  const [title, setTitle] = useState('');
  const [body, setBody] = useState('');
  // Remounts the list after a post: it also comes by the socket, which may be away.
  const [posted, setPosted] = useState(0);
  const intend = useIntention();
  const post = useAction(async () => {
    const text = { title: title.trim(), body: body.trim() };
    await intend(text, (key) => events.announce(event.id, text, key));
    setTitle('');
    setBody('');
    setPosted((count) => count + 1);
  });
  const validation = useValidation(onlyErrors({
    title: title.trim() ? undefined : t('Give it a title.'),
    body: body.trim() ? undefined : t('Write what people should know.'),
  }));
  const submit = (): void => { if (validation.passes()) void post.run(); };
  const errors = { ...fieldErrors(post.problem), ...validation.shown };
  if (event.status === 'draft') return <Empty title={t('Still a draft')}>{t('Announcements can be posted once the event is published.')}</Empty>;
  return (
    <div className="em-column em-stack-l">
      <Form name={t('Post an announcement')} problem={post.problem} onSubmit={submit} className="em-card em-stack">
        <TextField label={t('Title')} name="title" maxLength={200} value={title} error={errors.title} onChange={(change) => setTitle(change.target.value)} />
        <TextArea label={t('Text')} name="body" rows={4} maxLength={10000} value={body} error={errors.body}
          hint={t('Everybody who looks at the event sees it at once.')} onChange={(change) => setBody(change.target.value)} />
        <div className="em-row">
          <Busy type="submit" pending={post.pending} className="btn btn-primary">{t('Post announcement')}</Busy>
          <span role="status">{posted > 0 && !post.pending && t('Posted.')}</span>
        </div>
      </Form>
      <Announcements key={posted} eventId={event.id} />
    </div>
  );
}
