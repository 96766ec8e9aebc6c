import { useState } from 'react';
import { admin } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { usePages } from '../../api/usePages';
import type { AdminUser, Role } from '../../api/types';
import { PagedList } from '../../components/PagedList';
import { PageTitle } from '../../components/PageTitle';
import { SearchBox } from '../../components/SearchBox';
import { Empty, ProblemNote } from '../../components/States';
import { Row, Table } from '../../components/Table';
import { navigate, useLocation } from '../../routing/history';
import { formatMoment } from '../../time/format';
import { t, worded } from '../../language/text';
import type { Text } from '../../language/text';

const roleWords: Record<Role, Text> = { user: 'User', organizer: 'Organizer', admin: 'Admin' };

export function UsersPage() {
  const query = useLocation().query.get('query') ?? '';
  const [said, setSaid] = useState('');
  const list = usePages<AdminUser>(`users:${query}`, (cursor, signal) => admin.users(query, cursor, signal));
  const changed = (user: AdminUser): void => {
    list.set((page) => ({ ...page, items: page.items.map((item) => (item.id === user.id ? { ...item, ...user } : item)) }));
    setSaid(t('{name} is now {role}.', { name: user.displayName, role: worded(roleWords, user.role) }));
  };
  return (
    <div className="em-stack">
      <PageTitle title={t('Users')}>
        <div role="status" className="em-soft">{said || t('Organizers may create events; admins may do everything.')}</div>
      </PageTitle>
      <SearchBox label={t('Search users')} value={query}
        onSearch={(text) => navigate(`/admin/users${text ? `?query=${encodeURIComponent(text)}` : ''}`, { replace: true })} />
      <PagedList of={list} empty={<Empty title={t('Nobody matches')} />}>
        {(items) => (
          <Table label={t('Users')} heads={[t('Name'), t('Email'), t('Since'), t('Role')]}>
            {items.map((user) => (
              <Row key={user.id} cells={() => [
                <span className="em-strong" dir="auto">{user.displayName}</span>,
                user.email,
                formatMoment(user.createdAt),
                <RoleChoice user={user} changed={changed} />,
              ]} />
            ))}
          </Table>
        )}
      </PagedList>
    </div>
  );
}

function RoleChoice({ user, changed }: { user: AdminUser; changed: (user: AdminUser) => void }) {
  const grant = useAction(async (role: Role) => changed(await admin.setRole(user.id, role)));
  return (
    <div className="em-stack">
      <select className="form-select" aria-label={t('Role of {name} ({email})', { name: user.displayName, email: user.email })} value={user.role} disabled={grant.pending}
        onChange={(event) => void grant.run(event.target.value as Role)}>
        <option value="user">{t('User')}</option>
        <option value="organizer">{t('Organizer')}</option>
        <option value="admin">{t('Admin')}</option>
      </select>
      <ProblemNote problem={grant.problem} />
    </div>
  );
}
