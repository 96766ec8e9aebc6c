import { useState } from 'react';
import { subscriptions } from '../../api/endpoints';
import { usePages } from '../../api/usePages';
import type { Subscription } from '../../api/types';
import { Badge, toned } from '../../components/Badge';
import { Contained } from '../../components/Contained';
import { PagedList } from '../../components/PagedList';
import { PageTitle } from '../../components/PageTitle';
import { Empty } from '../../components/States';
import { rich, t } from '../../language/text';
import { Link } from '../../routing/Link';
import { formatMoment } from '../../time/format';
import { Credentials } from './Credentials';
import { NewSubscription } from './NewSubscription';
import { subscriptionStates } from './subscriptionWords';

/** What tells one's own programs of what happens at one's events. */
export function SubscriptionsPage() {
  const list = usePages<Subscription>('subscriptions', (cursor, signal) => subscriptions.list(cursor, signal));
  const [made, setMade] = useState<Subscription | null>(null);
  const take = (next: Subscription): void => {
    setMade(next);
    list.reload();
  };
  return (
    <>
      <PageTitle title={t('Subscriptions')} within={{ title: t('Your events'), link: '/organizer' }}>
        <p className="em-soft mb-0">{rich('What happens at your events, told to your own programs. {link}', { link: <a href="/docs/messages">{t('What they are told')}</a> })}</p>
      </PageTitle>
      <div className="em-halves">
        <div className="em-stack">
          <div role="status" className="em-quiet">
            {made && (
              <div className="em-note em-stack" data-tone="good">
                <strong>{t('{name} is set up.', { name: made.name })}</strong>
                <Credentials of={made} />
              </div>
            )}
          </div>
          <PagedList of={list} empty={<Empty title={t('No subscriptions yet')}>{t('Set up one for each program that should know.')}</Empty>}>
            {(items) => (
              <ul className="em-list" aria-label={t('Subscriptions')}>
                {items.map((item) => <li key={item.id}><Contained>{() => <Card subscription={item} />}</Contained></li>)}
              </ul>
            )}
          </PagedList>
        </div>
        <NewSubscription made={take} />
      </div>
    </>
  );
}

function Card({ subscription }: { subscription: Subscription }) {
  const { id, name, delivery, url, status, lastDeliveryAt } = subscription;
  const { tone, words } = toned(subscriptionStates, status);
  return (
    <article className="em-card em-list-card is-dateless">
      <div>
        <h2 dir="auto"><Link className="em-cover" to={`/organizer/subscriptions/${id}`}>{name}</Link></h2>
        <div className="em-small">{delivery === 'webhook' ? url : t('A queue of its own')}</div>
        {delivery === 'webhook' && (
          <div className="em-small em-soft">
            {lastDeliveryAt ? rich('Last delivery {at}', { at: <time dateTime={lastDeliveryAt}>{formatMoment(lastDeliveryAt)}</time> }) : <span>{t('Nothing delivered yet')}</span>}
          </div>
        )}
      </div>
      <div className="em-list-side"><Badge tone={tone}>{words}</Badge></div>
    </article>
  );
}
