import { useState } from 'react';
import { apiKeys } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { usePages } from '../../api/usePages';
import type { ApiKey } from '../../api/types';
import { Badge, toned } from '../../components/Badge';
import type { Tone } from '../../components/Badge';
import { Confirm } from '../../components/Confirm';
import { Contained } from '../../components/Contained';
import { PagedList } from '../../components/PagedList';
import { PageTitle } from '../../components/PageTitle';
import { Secret } from '../../components/Secret';
import { Empty } from '../../components/States';
import { rich, t, worded } from '../../language/text';
import type { Text } from '../../language/text';
import { formatMoment } from '../../time/format';
import { NewApiKey, scopes } from './NewApiKey';

/** One's keys for programs: made here, shown once, taken back here. */
export function ApiKeysPage() {
  const list = usePages<ApiKey>('api-keys', (cursor, signal) => apiKeys.list(cursor, signal));
  const [made, setMade] = useState<ApiKey | null>(null);
  const [ending, setEnding] = useState<ApiKey | null>(null);
  const revoke = useAction(async (key: ApiKey) => {
    const revoked = await apiKeys.revoke(key.id);
    list.set((page) => ({ ...page, items: page.items.map((item) => (item.id === key.id ? revoked : item)) }));
    if (made?.id === key.id) setMade(null);
    setEnding(null);
  });
  const take = ({ key, ...shown }: ApiKey): void => {
    setMade({ key, ...shown });
    list.set((page) => ({ ...page, items: [shown, ...page.items] }));
  };
  return (
    <div className="em-column mx-auto em-stack">
      <PageTitle title={t('API keys')} within={{ title: t('Your account'), link: '/account' }}>
        <p className="em-soft mb-0">{rich('A key lets a program act for you, as far as you allow it. {link}', { link: <a href="/docs">{t('How programs use it')}</a> })}</p>
      </PageTitle>
      <div role="status" className="em-quiet">
        {made?.key && (
          <div className="em-note em-stack" data-tone="good">
            <div>{rich('{name} is made. This is its key: it is shown this once, keep it where only your program can read it.', { name: <strong>{made.name}</strong> })}</div>
            <Secret label={t('Key')} value={made.key} />
          </div>
        )}
        {made && !made.key && (
          <p className="em-note mb-0" data-tone="warn">{t('The key was made, but what it is got lost on the way. Revoke it and make another.')}</p>
        )}
      </div>
      <PagedList of={list} empty={<Empty title={t('No keys yet')}>{t('Make one for each program: then you can take it back without touching the others.')}</Empty>}>
        {(items) => (
          <ul className="em-list" aria-label={t('API keys')}>
            {items.map((key) => <li key={key.id}><Contained>{() => <KeyCard apiKey={key} end={() => setEnding(key)} />}</Contained></li>)}
          </ul>
        )}
      </PagedList>
      <NewApiKey made={take} />
      {ending && (
        <Confirm title={t('Revoke {name}?', { name: ending.name })} confirm={t('Yes, revoke')} dismiss={t('Keep it')} pending={revoke.pending}
          problem={revoke.problem} onConfirm={() => void revoke.run(ending)} onDismiss={() => { revoke.clear(); setEnding(null); }}>
          {t('Programs that use it are refused from that moment on. This can’t be undone.')}
        </Confirm>
      )}
    </div>
  );
}

const states: Record<ApiKey['status'], [Tone, Text]> = { active: ['good', 'In force'], expired: ['plain', 'Expired'], revoked: ['plain', 'Revoked'] };

function KeyCard({ apiKey, end }: { apiKey: ApiKey; end: () => void }) {
  const { tone, words } = toned(states, apiKey.status);
  return (
    <article className="em-card em-list-card is-dateless">
      <div>
        <h2><bdi className="me-2">{apiKey.name}</bdi><Badge tone={tone}>{words}</Badge></h2>
        <div className="em-small">{apiKey.scopes.map((scope) => worded(scopes, scope)).join(' · ')}</div>
        <div className="em-small em-soft">
          {rich('Until {expiresAt}', { expiresAt: <Moment at={apiKey.expiresAt} /> })}
          <span>, </span>
          {apiKey.lastUsedAt ? rich('last used {at}', { at: <Moment at={apiKey.lastUsedAt} /> }) : <span>{t('never used')}</span>}
        </div>
      </div>
      <div className="em-list-side">
        {apiKey.status === 'active' && (
          <button type="button" className="btn btn-sm btn-outline-danger" onClick={end}>{t('Revoke')}<span className="visually-hidden"> {apiKey.name}</span></button>
        )}
      </div>
    </article>
  );
}

function Moment({ at }: { at: string }) {
  return <time dateTime={at}>{formatMoment(at)}</time>;
}
