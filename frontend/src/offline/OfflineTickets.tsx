import { useMemo } from 'react';
import { PageTitle } from '../components/PageTitle';
import { TicketFace } from '../components/TicketCard';
import { When } from '../components/When';
import { t } from '../language/text';
import { Link } from '../routing/Link';
import { lastUser, restoreSession, useSession } from '../session/session';
import { useLocation } from '../routing/history';
import { keptTickets } from './keptTickets';
import type { KeptTicket } from './keptTickets';

/**
 * One's tickets as this device saw them last, while the server can't be asked or the session is over. `id`: one of
 * them, else all.
 */
export function OfflineTickets({ id }: { id?: string }) {
  const { status } = useSession();
  const { address } = useLocation();
  const kept = keptTickets(lastUser());
  const one = kept.find(({ ticket }) => ticket.id === id);
  return (
    <div className={one ? 'em-narrow' : 'em-column mx-auto'}>
      <PageTitle title={one ? one.event.title : t('My tickets')}>{one && <Facts kept={one} />}</PageTitle>
      {status === 'unreachable' ? (
        <div className="em-note em-stack mb-3" data-tone="warn" role="status">
          <div>{one || kept.length > 0
            ? t('You are offline. This is what this device saw last; it is good at the door all the same.')
            : t('The server can’t be reached. Tickets that you have opened on this device before would stand here.')}</div>
          <div><button type="button" className="btn btn-sm btn-outline-secondary" onClick={() => void restoreSession()}>{t('Try again')}</button></div>
        </div>
      ) : (
        <div className="em-note em-stack mb-3" data-tone="warn" role="status">
          <div>{t('You are signed out. This is what this device saw last; it is good at the door all the same.')}</div>
          <div><Link className="btn btn-sm btn-outline-secondary" to={`/sign-in?next=${encodeURIComponent(address)}`}>{t('Sign in')}</Link></div>
        </div>
      )}
      {one ? <OfflineTicket kept={one} /> : (
        <ul className="em-list" aria-label={t('My tickets')}>
          {kept.map((item) => (
            <li key={item.ticket.id} className="em-card em-list-card is-dateless">
              <div>
                <h2 dir="auto"><Link className="em-cover" to={`/tickets/${item.ticket.id}`}>{item.event.title}</Link></h2>
                <Facts kept={item} />
              </div>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Facts({ kept: { event } }: { kept: KeptTicket }) {
  return (
    <>
      <div><When event={event} /></div>
      {event.venue && <div className="em-soft" dir="auto">{event.venue}</div>}
    </>
  );
}

function OfflineTicket({ kept }: { kept: KeptTicket }) {
  const image = useMemo(() => pictureOf(kept.image), [kept.image]);
  return <TicketFace code={kept.ticket.code} image={image} title={kept.event.title} />;
}

/** Null for what can't be one: half a character, which no address can hold. */
function pictureOf(svg: string): string | null {
  try { return `data:image/svg+xml,${encodeURIComponent(svg)}`; } catch { return null; }
}
