import { useState } from 'react';
import { download } from '../../api/download';
import { events } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { usePages } from '../../api/usePages';
import type { Attendee, Event, Registration } from '../../api/types';
import { RegistrationBadge } from '../../components/Badge';
import { Busy } from '../../components/Busy';
import { Select } from '../../components/Field';
import { PagedList } from '../../components/PagedList';
import { SearchBox } from '../../components/SearchBox';
import { Empty, ProblemNote } from '../../components/States';
import { Row, Table } from '../../components/Table';
import { useCounts, useRereadOnChange } from '../../live/useLive';
import { formatMoment } from '../../time/format';
import { AddAttendee } from './AddAttendee';
import { ManagedEvent } from './ManagedEvent';
import { RemoveAttendee } from './RemoveAttendee';

export function AttendeesPage({ id = '' }: { id?: string }) {
  return <ManagedEvent id={id} section="Attendees">{(event) => <Attendees event={event} />}</ManagedEvent>;
}

function Attendees({ event }: { event: Event }) {
  const [query, setQuery] = useState('');
  const [status, setStatus] = useState('');
  const [said, setSaid] = useState('');
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Attendee | null>(null);
  const list = usePages<Attendee>(`attendees:${event.id}:${status}:${query}`, (cursor, signal) =>
    events.attendees(event.id, { query, status, cursor }, signal));
  useRereadOnChange(useCounts(event).revision, list.reload);
  const save = useAction(() => download(events.attendeesFile(event.id), `attendees-${event.id}.csv`));

  const added = (email: string, made: Registration): void => {
    setAdding(false);
    setSaid(made.status === 'confirmed' ? `${email} has a place now.` : `${email} is in line at ${made.position ?? '…'}.`);
    list.reload();
  };
  const removed = (now: Registration): void => {
    setSaid(`${removing?.attendee.displayName ?? 'The attendee'} was removed.`);
    setRemoving(null);
    list.set((page) => ({
      ...page, items: page.items.map((item) => (item.id === now.id ? { ...item, status: now.status, position: null } : item)),
    }));
  };
  return (
    <div className="em-stack">
      <div className="em-row align-items-end">
        <SearchBox label="Search attendees" value={query} onSearch={setQuery} />
        <Select label="Status" name="status" value={status} onChange={(change) => setStatus(change.target.value)}>
          <option value="">All</option>
          <option value="confirmed">Confirmed</option>
          <option value="waitlisted">In line</option>
          <option value="cancelled">Cancelled</option>
        </Select>
        <Busy pending={save.pending} className="btn btn-outline-secondary" onClick={() => void save.run()}>Download CSV</Busy>
        {event.status === 'published' && <button type="button" className="btn btn-primary" onClick={() => setAdding(true)}>Add attendee</button>}
      </div>
      <ProblemNote problem={save.problem} />
      <div role="status" className="em-quiet">{said && <p className="em-note mb-0" data-tone="good">{said}</p>}</div>
      <PagedList of={list} empty={<Empty title={query || status ? 'Nobody matches' : 'Nobody has registered yet'} />}>
        {(items) => <AttendeeTable items={items} remove={event.status === 'published' ? setRemoving : null} />}
      </PagedList>
      {adding && <AddAttendee eventId={event.id} added={added} close={() => setAdding(false)} />}
      {removing && <RemoveAttendee eventId={event.id} attendee={removing} removed={removed} close={() => setRemoving(null)} />}
    </div>
  );
}

/** `remove` is null when nobody can be removed any more. */
function AttendeeTable({ items, remove }: { items: Attendee[]; remove: ((attendee: Attendee) => void) | null }) {
  return (
    <Table label="Attendees" heads={['Name', 'Status', 'Ticket code', 'Registered', 'Checked in', ...(remove ? ['Change'] : [])]}>
      {items.map((item) => (
        <Row key={item.id} cells={[
          <div><div className="em-strong">{item.attendee.displayName}</div><div className="em-small em-soft">{item.attendee.email}</div></div>,
          <RegistrationBadge status={item.status} position={item.position} />,
          item.ticket && item.status === 'confirmed' ? <span className="em-code em-small">{item.ticket.code}</span> : null,
          formatMoment(item.createdAt),
          item.checkedInAt ? formatMoment(item.checkedInAt) : null,
          ...(remove ? [item.status === 'cancelled' ? null : (
            <button type="button" className="btn btn-sm btn-outline-danger" onClick={() => remove(item)}>
              Remove<span className="visually-hidden"> {item.attendee.displayName}</span>
            </button>
          )] : []),
        ]} />
      ))}
    </Table>
  );
}
