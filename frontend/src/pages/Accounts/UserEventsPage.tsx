import { useState } from 'react';
import { admin } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { usePages } from '../../api/usePages';
import type { Event } from '../../api/types';
import { EventBadge } from '../../components/Badge';
import { Busy } from '../../components/Busy';
import { Dialog } from '../../components/Confirm';
import { Contained } from '../../components/Contained';
import { DateTile } from '../../components/DateTile';
import { TextField } from '../../components/Field';
import { fieldErrors, Form, onlyErrors, useValidation } from '../../components/Form';
import { PagedList } from '../../components/PagedList';
import { PageTitle } from '../../components/PageTitle';
import { Empty } from '../../components/States';
import { When } from '../../components/When';
import { Link } from '../../routing/Link';
import { emailError } from './credentials';
import { t } from '../../language/text';

/** What an account owns, to be handed over when its owner was locked or is no organizer any more. */
export function UserEventsPage({ id = '' }: { id?: string }) {
  const [said, setSaid] = useState('');
  const [giving, setGiving] = useState<Event | null>(null);
  const list = usePages<Event>(`user-events:${id}`, (cursor, signal) => admin.events(id, cursor, signal));
  const given = (event: Event, email: string): void => {
    setGiving(null);
    setSaid(t('“{title}” belongs to {email} now.', { title: event.title, email }));
    list.set((page) => ({ ...page, items: page.items.filter((item) => item.id !== event.id) }));
  };
  return (
    <div className="em-column mx-auto em-stack">
      <PageTitle title={t('Events of this account')} within={{ title: t('Users'), link: '/admin/users' }}>
        <div className="em-soft">
          {t('If its owner can no longer look after an event, hand it over to another organizer.')}
        </div>
      </PageTitle>
      <div role="status" className="em-quiet">{said && <p className="em-note mb-0" data-tone="good">{said}</p>}</div>
      <PagedList of={list} empty={<Empty title={t('This account owns no events')} />}>
        {(items) => (
          <ul className="em-list" aria-label={t('Events of this account')}>
            {items.map((event) => (
              <li key={event.id}>
                <Contained>{() => <OwnedEvent event={event} give={() => setGiving(event)} />}</Contained>
              </li>
            ))}
          </ul>
        )}
      </PagedList>
      {giving && <HandOver event={giving} given={(email) => given(giving, email)} close={() => setGiving(null)} />}
    </div>
  );
}

function OwnedEvent({ event, give }: { event: Event; give: () => void }) {
  return (
    <article className="em-card em-list-card">
      <DateTile startsAt={event.startsAt} zone={event.timeZone} />
      <div>
        <h2 dir="auto"><Link to={`/organizer/events/${event.id}`}>{event.title}</Link></h2>
        <div><When event={event} /></div>
        {event.organizerName && <div className="em-soft">{t('by {name}', { name: event.organizerName })}</div>}
        <div className="mt-2"><EventBadge status={event.status} /></div>
      </div>
      <div className="em-list-side">
        <button type="button" className="btn btn-sm btn-outline-secondary" onClick={give}>
          {t('Hand over')}<span className="visually-hidden"> {event.title}</span>
        </button>
      </div>
    </article>
  );
}

function HandOver({ event, given, close }: { event: Event; given: (email: string) => void; close: () => void }) {
  const [email, setEmail] = useState('');
  const give = useAction(async () => {
    const address = email.trim();
    await admin.handOver(event.id, address);
    given(address);
  });
  const validation = useValidation(onlyErrors({ email: emailError(email) && t('Enter their email address.') }));
  const errors = { ...fieldErrors(give.problem), ...validation.shown };
  return (
    <Dialog title={t('Hand over “{title}”?', { title: event.title })}
      onClose={() => { if (!give.pending) close(); }}>
      <Form name={t('Hand over the event')} problem={errors.email ? null : give.problem}
        onSubmit={() => { if (validation.passes()) void give.run(); }}>
        <p className="mb-0">{t('The new owner manages the event and its team from now on; the previous owner leaves the team. Registrations and tickets stay as they are.')}</p>
        <TextField label={t('Email of the new owner')} name="email" type="email" autoComplete="off" maxLength={254}
          value={email} error={errors.email} hint={t('An organizer or admin with a confirmed address.')}
          onChange={(change) => setEmail(change.target.value)} />
        <div className="em-dialog-actions mt-0">
          <button type="button" className="btn btn-outline-secondary" onClick={close} disabled={give.pending}>
            {t('Back')}
          </button>
          <Busy type="submit" pending={give.pending} className="btn btn-primary">{t('Hand over')}</Busy>
        </div>
      </Form>
    </Dialog>
  );
}
