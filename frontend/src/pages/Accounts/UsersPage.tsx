import { useState } from 'react';
import { admin } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { usePages } from '../../api/usePages';
import type { AdminUser, Role } from '../../api/types';
import { Badge } from '../../components/Badge';
import { Confirm } from '../../components/Confirm';
import { PagedList } from '../../components/PagedList';
import { PageTitle } from '../../components/PageTitle';
import { SearchBox } from '../../components/SearchBox';
import { Empty, ProblemNote } from '../../components/States';
import { Row, Table } from '../../components/Table';
import { Link } from '../../routing/Link';
import { navigate, useLocation } from '../../routing/history';
import { useSession } from '../../session/session';
import { formatMoment } from '../../time/format';
import { t, worded } from '../../language/text';
import type { Text } from '../../language/text';

/** What is done to an account: asked about before, and said after. */
type Deed = 'lock' | 'unlock' | 'signOut';

const roleWords: Record<Role, Text> = { user: 'User', organizer: 'Organizer', admin: 'Admin' };

export function UsersPage() {
  const query = useLocation().query.get('query') ?? '';
  const [said, setSaid] = useState('');
  const list = usePages<AdminUser>(`users:${query}`, (cursor, signal) => admin.users(query, cursor, signal));
  const [asking, setAsking] = useState<{ deed: Deed; user: AdminUser } | null>(null);
  const own = useSession().user?.id;
  const keep = (user: AdminUser): void =>
    list.set((page) => ({ ...page, items: page.items.map((item) => (item.id === user.id ? { ...item, ...user } : item)) }));
  const changed = (user: AdminUser): void => {
    keep(user);
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
          <Table label={t('Users')} heads={[t('Name'), t('Since'), t('Role'), t('Change')]}>
            {items.map((user) => (
              <Row key={user.id} cells={() => [
                <div>
                  <div className="em-strong" dir="auto">{user.displayName}</div>
                  <div className="em-small em-soft">{user.email}</div>
                  {user.lockedAt !== null && <Badge tone="bad">{t('Locked')}</Badge>}
                </div>,
                formatMoment(user.createdAt),
                <RoleChoice user={user} changed={changed} />,
                <Deeds user={user} isOwn={user.id === own} ask={(deed) => setAsking({ deed, user })} />,
              ]} />
            ))}
          </Table>
        )}
      </PagedList>
      {asking && (
        <DeedQuestion {...asking} close={() => setAsking(null)} done={(user, words) => {
          keep(user);
          setAsking(null);
          setSaid(words);
        }} />
      )}
    </div>
  );
}

function Deeds({ user, isOwn, ask }: { user: AdminUser; isOwn: boolean; ask: (deed: Deed) => void }) {
  const whose = <span className="visually-hidden"> {user.displayName} ({user.email})</span>;
  const deed: Deed = user.lockedAt === null ? 'lock' : 'unlock';
  return (
    <div className="em-row">
      <Link className="btn btn-sm btn-outline-secondary" to={`/admin/users/${user.id}/events`}>
        {t('Events')}{whose}
      </Link>
      {!isOwn && user.lockedAt === null && (
        <button type="button" className="btn btn-sm btn-outline-secondary" onClick={() => ask('signOut')}>
          {t('Sign out')}{whose}
        </button>
      )}
      {!isOwn && (
        <button type="button" onClick={() => ask(deed)}
          className={`btn btn-sm btn-outline-${deed === 'lock' ? 'danger' : 'secondary'}`}>
          {deed === 'lock' ? t('Lock') : t('Unlock')}{whose}
        </button>
      )}
    </div>
  );
}

interface QuestionProps {
  deed: Deed;
  user: AdminUser;
  done: (user: AdminUser, words: string) => void;
  close: () => void;
}

/** Says what will happen, and does it. */
function DeedQuestion({ deed, user, done, close }: QuestionProps) {
  const name = user.displayName;
  const words = {
    lock: {
      title: t('Lock {name}?', { name }), yes: t('Lock account'), said: t('{name} is locked out.', { name }),
      text: t('They are signed out everywhere and can’t sign in. Their API keys and subscriptions stop, and tickets they were about to give away stay theirs. Their own tickets stay valid, and their published events stay: you can hand those over.'),
    },
    unlock: {
      title: t('Unlock {name}?', { name }), yes: t('Unlock account'),
      said: t('{name} can sign in again.', { name }),
      text: t('They can sign in again and are back in their teams. They create new API keys and resume their subscriptions themselves.'),
    },
    signOut: {
      title: t('Sign {name} out everywhere?', { name }), yes: t('Sign out everywhere'),
      said: t('{name} is signed out everywhere.', { name }),
      text: t('They have to sign in again on every device. Their API keys keep working.'),
    },
  }[deed];
  const act = useAction(async () => {
    if (deed !== 'signOut') return done(await admin.setLocked(user.id, deed === 'lock'), words.said);
    await admin.endSessions(user.id);
    return done(user, words.said);
  });
  return (
    <Confirm title={words.title} confirm={words.yes} dismiss={t('Back')} pending={act.pending} problem={act.problem}
      onConfirm={() => void act.run()} onDismiss={close}>
      <p className="mb-0">{words.text}</p>
    </Confirm>
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
