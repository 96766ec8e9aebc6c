import { useState } from 'react';
import { download } from '../../api/download';
import { events } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { useIntention } from '../../api/useIntention';
import { usePages } from '../../api/usePages';
import type { Attendee, Event, Registration } from '../../api/types';
import { RegistrationBadge } from '../../components/Badge';
import { Busy } from '../../components/Busy';
import { Select } from '../../components/Field';
import { Dialog } from '../../components/Confirm';
import { Timeline } from '../../components/Timeline';
import { PagedList } from '../../components/PagedList';
import { SearchBox } from '../../components/SearchBox';
import { Empty, ProblemNote } from '../../components/States';
import { Row, Table } from '../../components/Table';
import { useCounts, useRereadOnChange } from '../../live/useLive';
import { formatMoment } from '../../time/format';
import { AddAttendee } from './AddAttendee';
import { ImportAttendees } from './ImportAttendees';
import { ManagedEvent } from '../Events/ManagedEvent';
import { RemoveAttendee } from './RemoveAttendee';
import { t } from '../../language/text';

export function AttendeesPage({ id = '' }: { id?: string }) {
  return <ManagedEvent id={id} section="Attendees">{(event) => <Attendees event={event} />}</ManagedEvent>;
}

function Attendees({ event }: { event: Event }) {
  const [query, setQuery] = useState('');
  const [status, setStatus] = useState('');
  const [sort, setSort] = useState('registered');
  const [said, setSaid] = useState('');
  const [adding, setAdding] = useState(false);
  const [importing, setImporting] = useState(false);
  const [shown, setShown] = useState<Attendee | null>(null);
  const [removing, setRemoving] = useState<Attendee | null>(null);
  const list = usePages<Attendee>(`attendees:${event.id}:${status}:${sort}:${query}`, (cursor, signal) =>
    events.attendees(event.id, { query, status, sort, cursor }, signal));
  useRereadOnChange(useCounts(event).revision, list.reload);
  const save = useAction(() => download(events.attendeesFile(event.id), `attendees-${event.id}.csv`));

  const added = (email: string, made: Registration): void => {
    setAdding(false);
    setSaid(made.status === 'confirmed' ? t('{email} has a place now.', { email }) : t('{email} is in line at {position}.', { email, position: made.position ?? '…' }));
    list.reload();
  };
  const removed = (now: Registration): void => {
    setSaid(t('{name} was removed.', { name: removing?.attendee.displayName ?? t('The attendee') }));
    setRemoving(null);
    list.set((page) => ({
      ...page, items: page.items.map((item) => (item.id === now.id ? { ...item, status: now.status, position: null } : item)),
    }));
  };
  return (
    <div className="em-stack">
      <div className="em-row align-items-end">
        <SearchBox label={t('Search attendees')} value={query} onSearch={setQuery} />
        <Select label={t('Status')} name="status" value={status} onChange={(change) => setStatus(change.target.value)}>
          <option value="">{t('All')}</option>
          <option value="confirmed">{t('Confirmed')}</option>
          <option value="waitlisted">{t('In line')}</option>
          <option value="cancelled">{t('Cancelled')}</option>
        </Select>
        <Select label={t('Order')} name="sort" value={sort} onChange={(change) => setSort(change.target.value)}>
          <option value="registered">{t('As they came')}</option>
          <option value="newest">{t('The newest first')}</option>
          <option value="name">{t('By name')}</option>
        </Select>
      </div>
      <div className="em-row">
        {event.status === 'published' && <button type="button" className="btn btn-primary" onClick={() => setAdding(true)}>{t('Add attendee')}</button>}
        {event.status === 'published' && <button type="button" className="btn btn-outline-secondary" onClick={() => setImporting(true)}>{t('Import CSV')}</button>}
        <Busy pending={save.pending} className="btn btn-outline-secondary" onClick={() => void save.run()}>{t('Download CSV')}</Busy>
      </div>
      <ProblemNote problem={save.problem} />
      <div role="status" className="em-quiet">{said && <p className="em-note mb-0" data-tone="good">{said}</p>}</div>
      <PagedList of={list} empty={<Empty title={query || status ? t('Nobody matches') : t('Nobody has registered yet')} />}>
        {(items) => <AttendeeTable items={items} remove={event.status === 'published' ? setRemoving : null} say={setSaid} show={setShown} />}
      </PagedList>
      {importing && <ImportAttendees eventId={event.id} close={(anybodyCame) => { setImporting(false); if (anybodyCame) list.reload(); }} />}
      {shown && (
        <Dialog title={shown.attendee.displayName} onClose={() => setShown(null)}>
          <Timeline registrationId={shown.id} live={false} />
          <div className="em-dialog-actions"><button type="button" className="btn btn-outline-secondary" onClick={() => setShown(null)}>{t('Back')}</button></div>
        </Dialog>
      )}
      {adding && <AddAttendee eventId={event.id} added={added} close={() => setAdding(false)} />}
      {removing && <RemoveAttendee eventId={event.id} attendee={removing} removed={removed} close={() => setRemoving(null)} />}
    </div>
  );
}

interface TableProps {
  items: Attendee[];
  /** Null when nobody can be removed any more. */
  remove: ((attendee: Attendee) => void) | null;
  say: (words: string) => void;
  show: (attendee: Attendee) => void;
}

function AttendeeTable({ items, remove, say, show }: TableProps) {
  return (
    <Table label={t('Attendees')} heads={[t('Name'), t('Status'), t('Ticket code'), t('Registered'), t('Checked in'), ...(remove ? [t('Change')] : [])]}>
      {items.map((item) => (
        <Row key={item.id} cells={() => [
          <div><button type="button" className="btn btn-link p-0 em-strong text-start" aria-label={`${item.attendee.displayName}: ${t('What happened so far')}`} onClick={() => show(item)}><bdi>{item.attendee.displayName}</bdi></button><div className="em-small em-soft">{item.attendee.email}</div></div>,
          <RegistrationBadge status={item.status} position={item.position} />,
          item.ticket && item.status === 'confirmed' ? <span className="em-code em-small">{item.ticket.code}</span> : null,
          formatMoment(item.createdAt),
          item.checkedInAt ? formatMoment(item.checkedInAt) : null,
          ...(remove ? [item.status === 'cancelled' ? null : (
            <div className="em-row">
              <Resend attendee={item} say={say} />
              <button type="button" className="btn btn-sm btn-outline-danger" onClick={() => remove(item)}>
                {t('Remove')}<span className="visually-hidden"> {item.attendee.displayName}</span>
              </button>
            </div>
          )] : []),
        ]} />
      ))}
    </Table>
  );
}

/** The newest mail about the place, once more: for those who say that nothing came. */
function Resend({ attendee, say }: { attendee: Attendee; say: (words: string) => void }) {
  const intend = useIntention();
  const resend = useAction(async () => {
    await intend(attendee.id, (key) => events.resend(attendee.id, key));
    say(t('The mail to {name} is on its way once more.', { name: attendee.attendee.displayName }));
  });
  return (
    <>
      <Busy pending={resend.pending} className="btn btn-sm btn-outline-secondary" onClick={() => void resend.run()}>
        {t('Resend')}<span className="visually-hidden"> {t('the mail to {name}', { name: attendee.attendee.displayName })}</span>
      </Busy>
      <ProblemNote problem={resend.problem} />
    </>
  );
}
