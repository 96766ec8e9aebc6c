import { useState } from 'react';
import { events } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { usePages } from '../../api/usePages';
import type { Member, MemberRole, Page } from '../../api/types';
import { Badge } from '../../components/Badge';
import { Busy } from '../../components/Busy';
import { Confirm } from '../../components/Confirm';
import { Select, TextField } from '../../components/Field';
import { fieldErrors, Form, onlyErrors, useValidation } from '../../components/Form';
import { PagedList } from '../../components/PagedList';
import { Empty } from '../../components/States';
import { Row, Table } from '../../components/Table';
import { formatMoment } from '../../time/format';
import { emailError } from '../Accounts/credentials';
import { ManagedEvent } from './ManagedEvent';
import { t, worded } from '../../language/text';
import type { Text } from '../../language/text';

export function TeamPage({ id = '' }: { id?: string }) {
  return <ManagedEvent id={id} section="Team">{() => <Team key={id} eventId={id} />}</ManagedEvent>;
}

const roles: Record<MemberRole, Text> = { owner: 'Owner', coOrganizer: 'Co-organizer', checkInStaff: 'Check-in staff' };

type Listed = Member & { id: string };

/** Who helps with the event: co-organizers may do what its owner may, check-in staff stand at the gate and nothing else. */
function Team({ eventId }: { eventId: string }) {
  const [said, setSaid] = useState('');
  const [leaving, setLeaving] = useState<Listed | null>(null);
  const list = usePages<Listed>(`members:${eventId}`, async (cursor, signal): Promise<Page<Listed>> => {
    const page = await events.members(eventId, cursor, signal);
    return { ...page, items: page.items.map((member) => ({ ...member, id: member.userId })) };
  });
  const remove = useAction(async (member: Listed) => {
    await events.removeMember(eventId, member.id);
    setSaid(t('{name} is not in the team any more.', { name: member.displayName }));
    setLeaving(null);
    list.set((page) => ({ ...page, items: page.items.filter((item) => item.id !== member.id) }));
  });
  const added = (member: Member): void => {
    const gate = member.role === 'checkInStaff' ? ` ${t('Tell them where the gate is: {address}', { address: `${window.location.origin}/gate/${eventId}` })}` : '';
    const values = { name: member.displayName, role: worded(roles, member.role) };
    const words = member.pending
      ? t('{name} joins the team after confirming their email address: {role}. We’ve emailed them.', values)
      : t('{name} is in the team now: {role}.', values);
    setSaid(words + gate);
    list.reload();
  };
  return (
    <div className="em-two">
      <div className="em-stack">
        <div role="status" className="em-quiet">{said && <p className="em-note mb-0" data-tone="good">{said}</p>}</div>
        <PagedList of={list} empty={<Empty title={t('Nobody is in the team')} />}>
          {(items) => (
            <Table label={t('Team')} heads={[t('Name'), t('Role'), t('Since'), t('Change')]}>
              {items.map((member) => (
                <Row key={member.id} cells={() => [
                  <div>
                    <div className="em-strong" dir="auto">{member.displayName}</div>
                    <div className="em-small em-soft">{member.email}</div>
                    {member.pending && <Badge tone="warn">{t('Waits for their confirmation')}</Badge>}
                  </div>,
                  <Badge tone={member.role === 'owner' ? 'accent' : 'plain'}>{worded(roles, member.role)}</Badge>,
                  formatMoment(member.since),
                  member.role === 'owner' ? null : (
                    <button type="button" className="btn btn-sm btn-outline-danger" onClick={() => setLeaving(member)}>
                      {t('Remove')}<span className="visually-hidden"> {member.displayName}</span>
                    </button>
                  ),
                ]} />
              ))}
            </Table>
          )}
        </PagedList>
      </div>
      <AddMember eventId={eventId} added={added} />
      {leaving && (
        <Confirm title={t('Remove {name}?', { name: leaving.displayName })} confirm={t('Yes, remove')} dismiss={t('Keep in the team')} pending={remove.pending}
          problem={remove.problem} onConfirm={() => void remove.run(leaving)} onDismiss={() => { remove.clear(); setLeaving(null); }}>
          {t('They can’t open this event’s pages or its gate any more. What they scanned stays.')}
        </Confirm>
      )}
    </div>
  );
}

function AddMember({ eventId, added }: { eventId: string; added: (member: Member) => void }) {
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<MemberRole>('checkInStaff');
  const [count, setCount] = useState(0);
  const add = useAction(async () => {
    added(await events.setMember(eventId, email.trim(), role));
    setEmail('');
    setCount((before) => before + 1);
  });
  const validation = useValidation(onlyErrors({ email: emailError(email) }));
  const errors = { ...fieldErrors(add.problem), ...validation.shown };
  return (
    <section className="em-card em-stack" aria-labelledby="add-member-heading">
      <h2 id="add-member-heading" className="mb-0">{t('Add somebody')}</h2>
      <Form saved={count} name={t('Add to the team')} problem={errors.email ? null : add.problem} onSubmit={() => { if (validation.passes()) void add.run(); }}>
        <TextField label={t('Email of their account')} name="email" type="email" autoComplete="off" maxLength={254} value={email}
          error={errors.email} onChange={(event) => setEmail(event.target.value)} />
        <Select label={t('Role')} name="role" value={role} onChange={(event) => setRole(event.target.value as MemberRole)}
          hint={role === 'checkInStaff' ? t('May open the gate and check guests in, nothing else.') : t('May do whatever you may with this event.')}>
          <option value="checkInStaff">{t(roles.checkInStaff)}</option>
          <option value="coOrganizer">{t(roles.coOrganizer)}</option>
        </Select>
        <Busy type="submit" pending={add.pending} className="btn btn-primary">{t('Add to the team')}</Busy>
      </Form>
    </section>
  );
}
