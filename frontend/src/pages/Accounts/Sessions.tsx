import { useState } from 'react';
import { account } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { usePages } from '../../api/usePages';
import type { SignInSession } from '../../api/types';
import { Badge } from '../../components/Badge';
import { Busy } from '../../components/Busy';
import { PagedList } from '../../components/PagedList';
import { Empty, ProblemNote } from '../../components/States';
import { navigate } from '../../routing/history';
import { forget } from '../../session/session';
import { formatMoment } from '../../time/format';
import { deviceName } from './device';
import { rich, t } from '../../language/text';

/** Where one is signed in, and how to end it. */
export function Sessions() {
  const [said, setSaid] = useState('');
  const list = usePages<SignInSession>('sessions', (cursor, signal) => account.sessions(cursor, signal));
  const end = useAction(async (session: SignInSession) => {
    setSaid('');
    await account.endSession(session.id);
    setSaid(t('{device} is signed out.', { device: deviceName(session.device) }));
    list.set((page) => ({ ...page, items: page.items.filter((item) => item.id !== session.id) }));
  });
  const endOthers = useAction(async () => {
    setSaid('');
    await account.endSessions(true);
    setSaid(t('All other devices are signed out.'));
    list.set((page) => ({ items: page.items.filter((item) => item.current), nextCursor: null }));
  });
  const endAll = useAction(async () => {
    await account.endSessions(false);
    forget();
    navigate('/sign-in');
  });
  return (
    <section className="em-card em-stack" aria-labelledby="sessions-heading">
      <h2 id="sessions-heading" className="mb-0">{t('Where you are signed in')}</h2>
      <div role="status" className="em-quiet">{said && <p className="em-note mb-0" data-tone="good">{said}</p>}</div>
      <ProblemNote problem={end.problem ?? endOthers.problem ?? endAll.problem} />
      <PagedList of={list} empty={<Empty title={t('Nowhere')} />}>
        {(items) => (
          <ul className="em-list" aria-label={t('Sessions')}>
            {items.map((session) => (
              <li key={session.id} className="em-session">
                <div>
                  <div className="em-strong"><span className="me-2">{deviceName(session.device)}</span>{session.current && <Badge tone="accent">{t('This device')}</Badge>}</div>
                  <div className="em-small em-soft">
                    {rich('Signed in {createdAt}, last used {lastUsedAt}', { createdAt: <time dateTime={session.createdAt}>{formatMoment(session.createdAt)}</time>, lastUsedAt: <time dateTime={session.lastUsedAt}>{formatMoment(session.lastUsedAt)}</time> })}
                  </div>
                </div>
                {!session.current && (
                  <Busy pending={end.pending} className="btn btn-sm btn-outline-secondary" onClick={() => void end.run(session)}>
                    {t('Sign out')}<span className="visually-hidden"> {t('{device}, signed in {at}', { device: deviceName(session.device), at: formatMoment(session.createdAt) })}</span>
                  </Busy>
                )}
              </li>
            ))}
          </ul>
        )}
      </PagedList>
      <div className="d-flex flex-wrap gap-2">
        <Busy pending={endOthers.pending} className="btn btn-outline-secondary" onClick={() => void endOthers.run()}>{t('Sign out all others')}</Busy>
        <Busy pending={endAll.pending} className="btn btn-outline-secondary" onClick={() => void endAll.run()}>{t('Sign out everywhere')}</Busy>
      </div>
    </section>
  );
}
