import { useState } from 'react';
import { subscriptions } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { useResource } from '../../api/useResource';
import type { Subscription } from '../../api/types';
import { Badge, toned } from '../../components/Badge';
import { Busy } from '../../components/Busy';
import { Confirm } from '../../components/Confirm';
import { PageTitle } from '../../components/PageTitle';
import { Loaded, Pending, ProblemNote } from '../../components/States';
import { rich, t } from '../../language/text';
import { navigate } from '../../routing/history';
import { formatMoment } from '../../time/format';
import { Credentials } from './Credentials';
import { Deliveries } from './Deliveries';
import { EditSubscription } from './EditSubscription';
import { ReplayMessages } from './ReplayMessages';
import { reasonWords, subscriptionStates, typeWords } from './subscriptionWords';

export function SubscriptionPage({ id = '' }: { id?: string }) {
  const held = useResource<Subscription>(`subscription:${id}`, (signal) => subscriptions.get(id, signal));
  return (
    <Loaded of={held} title={t('Subscription')} pending={<Pending heights={[48, 200, 200]} />}>
      {(subscription) => <Whole subscription={subscription} set={(next) => held.set(() => next)} />}
    </Loaded>
  );
}

interface Props {
  subscription: Subscription;
  set: (next: Subscription) => void;
}

function Whole({ subscription, set }: Props) {
  // How often something was sent once more: the list of deliveries has it.
  const [sent, setSent] = useState(0);
  const isWebhook = subscription.delivery === 'webhook';
  const { tone, words } = toned(subscriptionStates, subscription.status);
  const replay = <ReplayMessages subscription={subscription} sent={() => setSent((times) => times + 1)} />;
  return (
    <>
      <PageTitle title={subscription.name} within={{ title: t('Subscriptions'), link: '/organizer/subscriptions' }}>
        <div><Badge tone={tone}>{words}</Badge></div>
      </PageTitle>
      <div className="em-halves">
        <div className="em-stack">
          <About subscription={subscription} set={set} />
          {isWebhook && replay}
        </div>
        {isWebhook ? <Deliveries subscription={subscription} sent={sent} /> : replay}
      </div>
    </>
  );
}

type Question = 'edit' | 'rotate' | 'remove';

/** What it is, and what can be done with it. */
function About({ subscription, set }: Props) {
  const { id, status, types } = subscription;
  const isWebhook = subscription.delivery === 'webhook';
  const [asking, setAsking] = useState<Question | null>(null);
  const [made, setMade] = useState<Subscription | null>(null);
  const [said, setSaid] = useState(false);
  const turn = useAction(async () => set(await subscriptions.edit(id, { status: status === 'active' ? 'paused' : 'active' })));
  const rotate = useAction(async () => {
    const renewed = await subscriptions.renew(id);
    setMade(renewed);
    set(renewed);
    setAsking(null);
  });
  const remove = useAction(async () => {
    await subscriptions.remove(id);
    navigate('/organizer/subscriptions', { replace: true });
  });
  return (
    <section className="em-card em-stack" aria-label={t('Subscription')}>
      <div role="status" className="em-quiet">{said && <p className="em-note mb-0" data-tone="good">{t('Saved.')}</p>}</div>
      <div role="status" className="em-quiet">{made && <div className="em-note em-stack" data-tone="good"><Credentials of={made} /></div>}</div>
      {status !== 'active' && (
        <p className="em-note mb-0" data-tone="warn">
          {reasonWords(subscription) ?? t('It is paused: what happens meanwhile is not told.')}
        </p>
      )}
      <Facts subscription={subscription} />
      <div>
        <div className="em-small em-strong em-soft">{t('What it is told')}</div>
        <ul className="mb-0">{types.map((type) => <li key={type}>{typeWords(type)}</li>)}</ul>
      </div>
      <ProblemNote problem={turn.problem} />
      <div className="em-row">
        <Busy pending={turn.pending} className={status === 'active' ? 'btn btn-outline-secondary' : 'btn btn-primary'} onClick={() => void turn.run()}>
          {status === 'active' ? t('Pause') : t('Resume')}
        </Busy>
        <button type="button" className="btn btn-outline-secondary" onClick={() => { setSaid(false); setAsking('edit'); }}>{t('Edit')}</button>
        <button type="button" className="btn btn-outline-secondary" onClick={() => setAsking('rotate')}>{isWebhook ? t('New secret') : t('New password')}</button>
        <button type="button" className="btn btn-outline-danger" onClick={() => setAsking('remove')}>{t('Delete')}</button>
      </div>
      {asking === 'edit' && (
        <EditSubscription subscription={subscription} dismiss={() => setAsking(null)} saved={(now) => { set(now); setSaid(true); setAsking(null); }} />
      )}
      {asking === 'rotate' && (
        <Confirm title={isWebhook ? t('Make a new secret?') : t('Make a new password?')} confirm={t('Yes, make it')} dismiss={t('Leave it')}
          pending={rotate.pending} problem={rotate.problem} onConfirm={() => void rotate.run()} onDismiss={() => { rotate.clear(); setAsking(null); }}>
          {isWebhook ? t('For 24 hours deliveries are signed with both, so that your program can change over.') : t('The old password stops working at once.')}
        </Confirm>
      )}
      {asking === 'remove' && (
        <Confirm title={t('Delete {name}?', { name: subscription.name })} confirm={t('Yes, delete')} dismiss={t('Leave it')}
          pending={remove.pending} problem={remove.problem} onConfirm={() => void remove.run()} onDismiss={() => { remove.clear(); setAsking(null); }}>
          {t('Your program is told nothing any more; what waits for it is thrown away. This can’t be undone.')}
        </Confirm>
      )}
    </section>
  );
}

function Facts({ subscription }: { subscription: Subscription }) {
  const { url, queue, username, scope, createdAt, secretRotatesUntil } = subscription;
  return (
    <dl className="em-facts">
      {url && <div><dt>{t('Address')}</dt><dd className="em-code em-small">{url}</dd></div>}
      {queue && <div><dt>{t('Queue')}</dt><dd className="em-code em-small">{queue}</dd></div>}
      {username && <div><dt>{t('User name')}</dt><dd className="em-code em-small">{username}</dd></div>}
      {scope === 'all' && <div><dt>{t('Of which events')}</dt><dd>{t('All')}</dd></div>}
      <div><dt>{t('Since')}</dt><dd><time dateTime={createdAt}>{formatMoment(createdAt)}</time></dd></div>
      {secretRotatesUntil && (
        <div><dt>{t('Old secret')}</dt><dd>{rich('signs beside the new one until {at}', { at: <time dateTime={secretRotatesUntil}>{formatMoment(secretRotatesUntil)}</time> })}</dd></div>
      )}
    </dl>
  );
}
