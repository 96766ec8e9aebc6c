import { useState } from 'react';
import { download } from '../../api/download';
import { events } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { usePages } from '../../api/usePages';
import type { Attendee, Event } from '../../api/types';
import { RegistrationBadge } from '../../components/Badge';
import { Busy } from '../../components/Busy';
import { Select } from '../../components/Field';
import { PagedList } from '../../components/PagedList';
import { SearchBox } from '../../components/SearchBox';
import { Empty, ProblemNote } from '../../components/States';
import { Row, Table } from '../../components/Table';
import { formatMoment } from '../../time/format';
import { ManagedEvent } from './ManagedEvent';

export function AttendeesPage({ id = '' }: { id?: string }) {
  return <ManagedEvent id={id} section="Attendees">{(event) => <Attendees event={event} />}</ManagedEvent>;
}

function Attendees({ event }: { event: Event }) {
  const [query, setQuery] = useState('');
  const [status, setStatus] = useState('');
  const list = usePages<Attendee>(`attendees:${event.id}:${status}:${query}`, (cursor, signal) =>
    events.attendees(event.id, { query, status, cursor }, signal));
  const save = useAction(() => download(events.attendeesFile(event.id), `attendees-${event.id}.csv`));
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
        <button type="button" className="btn btn-outline-secondary" onClick={list.reload}>Refresh</button>
        <Busy pending={save.pending} className="btn btn-outline-secondary" onClick={() => void save.run()}>Download CSV</Busy>
      </div>
      <ProblemNote problem={save.problem} />
      <PagedList of={list} empty={<Empty title={query || status ? 'Nobody matches' : 'Nobody has registered yet'} />}>
        {(items) => (
          <Table label="Attendees" heads={['Name', 'Email', 'Status', 'Ticket code', 'Registered', 'Checked in']}>
            {items.map((item) => (
              <Row key={item.id} cells={[
                <span className="em-strong">{item.attendee.displayName}</span>,
                item.attendee.email,
                <RegistrationBadge status={item.status} position={item.position} />,
                item.ticket ? <span className="em-code em-small">{item.ticket.code}</span> : '–',
                formatMoment(item.createdAt),
                item.checkedInAt ? formatMoment(item.checkedInAt) : '–',
              ]} />
            ))}
          </Table>
        )}
      </PagedList>
    </div>
  );
}
