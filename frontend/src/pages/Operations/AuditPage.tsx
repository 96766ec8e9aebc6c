import { useState } from 'react';
import { download } from '../../api/download';
import { admin } from '../../api/endpoints';
import type { AuditQuery } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { usePages } from '../../api/usePages';
import type { AuditEntry } from '../../api/types';
import { Badge } from '../../components/Badge';
import { Busy } from '../../components/Busy';
import { Select } from '../../components/Field';
import { PagedList } from '../../components/PagedList';
import { PageTitle } from '../../components/PageTitle';
import { SearchBox } from '../../components/SearchBox';
import { Empty, ProblemNote } from '../../components/States';
import { Row, Table } from '../../components/Table';
import { Link } from '../../routing/Link';
import { navigate, useLocation } from '../../routing/history';
import { formatMoment } from '../../time/format';
import { t } from '../../language/text';
import type { Text } from '../../language/text';
import { actionText } from './auditWords';

/** The families of actions, by their first word. */
const families: [string, Text][] = [
  ['', 'Everything'], ['event', 'Events'], ['registration', 'Registrations'], ['member', 'Teams'], ['ticket', 'Tickets'],
  ['check-in', 'Check-ins'], ['announcement', 'Announcements'], ['user', 'Accounts'], ['session', 'Sessions'], ['access', 'Sign-ins and access'],
  ['api-key', 'API keys'], ['subscription', 'Subscriptions'], ['sending', 'Sending of mail'], ['dead-letter', 'Dead letters'], ['audit', 'Audit log'],
];

export function AuditPage() {
  const given = useLocation().query;
  const query: AuditQuery = { actor: given.get('actor') ?? '', action: given.get('action') ?? '' };
  const list = usePages<AuditEntry>(`audit:${query.action}:${query.actor}`, (cursor, signal) => admin.audit(query, cursor, signal));
  const save = useAction(() => download(admin.auditFile(query), 'audit.csv'));
  const show = (changes: Partial<AuditQuery>): void => {
    const wanted = Object.entries({ ...query, ...changes }).filter(([, value]) => value !== '');
    navigate(`/admin/audit${wanted.length > 0 ? `?${new URLSearchParams(wanted)}` : ''}`, { replace: true });
  };
  return (
    <div className="em-stack">
      <PageTitle title={t('Audit log')}>
        <div className="em-soft">{t('Who did what, the newest first. A sealed entry can’t be changed without being found.')}</div>
      </PageTitle>
      <div className="em-row align-items-end">
        <SearchBox label={t('Search by who did it')} value={query.actor} onSearch={(actor) => show({ actor })} />
        <Select label={t('About')} name="action" value={query.action} onChange={(change) => show({ action: change.target.value })}>
          {families.map(([value, name]) => <option key={value} value={value}>{t(name)}</option>)}
        </Select>
        <Busy pending={save.pending} className="btn btn-outline-secondary" onClick={() => void save.run()}>{t('Download CSV')}</Busy>
      </div>
      <ProblemNote problem={save.problem} />
      <PagedList of={list} empty={<Empty title={query.actor || query.action ? t('Nothing matches') : t('Nothing has happened yet')} />}>
        {(items) => (
          <Table label={t('Audit log')} heads={[t('When'), t('Who'), t('What'), t('Change'), t('Seal')]}>
            {items.map((entry) => (
              <Row key={entry.id} cells={() => [
                <time dateTime={entry.at}>{formatMoment(entry.at)}</time>,
                <Who entry={entry} />,
                <What entry={entry} />,
                hasChange(entry) ? <Change entry={entry} /> : null,
                entry.sealNumber === null ? <Badge tone="warn">{t('Not yet')}</Badge> : <span className="em-code em-small">{entry.sealNumber}</span>,
              ]} />
            ))}
          </Table>
        )}
      </PagedList>
    </div>
  );
}

function Who({ entry: { actor } }: { entry: AuditEntry }) {
  if (actor === null) return <span className="em-soft">{t('System')}</span>;
  return (
    <div>
      <div className="em-strong" dir="auto">{actor.displayName ?? t('Account gone')}</div>
      <div className="em-small em-soft">{actor.email ?? actor.id}</div>
    </div>
  );
}

function What({ entry: { action, event, subject } }: { entry: AuditEntry }) {
  return (
    <div>
      <div>{actionText(action)}</div>
      <div className="em-code em-small em-soft">{action}</div>
      {event && <div className="em-small"><Link to={`/organizer/events/${event.id}`} dir="auto">{event.title ?? event.id}</Link></div>}
      {subject && subject.id !== event?.id && <div className="em-small em-soft text-break">{subject.email ?? subject.id}</div>}
    </div>
  );
}

const longest = 80;

function cut(text: string): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

/** What was written down by its name, before and after; some actions write down all of a thing, of which little has changed. */
function changedNames({ before, after }: AuditEntry): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => before[name] !== after[name]).sort();
}

function hasChange(entry: AuditEntry): boolean {
  return entry.erased || changedNames(entry).length > 0 || Object.keys(entry.about).length > 0;
}

/** Each value that changed, from what to what. The file has the long ones whole. */
function Change({ entry }: { entry: AuditEntry }) {
  const { before, after, about, erased } = entry;
  const [whole, setWhole] = useState(false);
  if (erased) return <span className="em-soft">{t('Erased with the person')}</span>;
  const shown = whole ? (text: string): string => text : cut;
  const isLong = [before, after, about].some((values) => Object.values(values).some((value) => value.length > longest));
  return (
    <div className="em-small">
      <dl className="mb-0">
        {changedNames(entry).map((name) => {
          const [old, now] = [before[name], after[name]];
          return (
            <div key={name} className="text-break">
              <dt className="d-inline fw-semibold">{name}: </dt>
              <dd className="d-inline mb-0">
                {old !== undefined && (
                  <>
                    <bdi>{shown(old)}</bdi><span aria-hidden="true"> → </span><span className="visually-hidden">{` ${t('became')} `}</span>
                  </>
                )}
                {now === undefined ? <span>{t('nothing')}</span> : <bdi>{shown(now)}</bdi>}
              </dd>
            </div>
          );
        })}
        {Object.entries(about).map(([name, value]) => (
          <div key={`about ${name}`} className="em-soft text-break"><dt className="d-inline fw-normal">{name}: </dt><dd className="d-inline mb-0" dir="auto">{shown(value)}</dd></div>
        ))}
      </dl>
      {isLong && <button type="button" className="btn btn-sm btn-link p-0" aria-expanded={whole} onClick={() => setWhole(!whole)}>{whole ? t('Shorten') : t('Show all of it')}</button>}
    </div>
  );
}
