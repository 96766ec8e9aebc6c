import { useEffect, useState } from 'react';
import { subscriptions } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { useIntention } from '../../api/useIntention';
import { usePages } from '../../api/usePages';
import type { Subscription, WebhookDelivery } from '../../api/types';
import { Badge, toned } from '../../components/Badge';
import { Busy } from '../../components/Busy';
import { Select } from '../../components/Field';
import { Contained } from '../../components/Contained';
import { PagedList } from '../../components/PagedList';
import { Empty, ProblemNote } from '../../components/States';
import { number, plural, rich, t } from '../../language/text';
import { useFallbackReads } from '../../live/useLive';
import { formatMoment } from '../../time/format';
import { deliveryStates, errorWords } from './subscriptionWords';

/** What a webhook was owed, and what its receiver answered. `sent`: rises when more was given to it by other means. */
export function Deliveries({ subscription, sent }: { subscription: Subscription; sent: number }) {
  const { id } = subscription;
  const [status, setStatus] = useState('');
  const list = usePages<WebhookDelivery>(`deliveries:${id}:${status}`, (cursor, signal) => subscriptions.deliveries(id, { status, cursor }, signal));
  const { reload } = list;
  useEffect(() => { if (sent > 0) reload(); }, [sent, reload]);
  const intend = useIntention();
  const test = useAction(async () => {
    await intend('test', (key) => subscriptions.test(id, key));
    list.reload();
  });
  // No socket tells of them.
  useFallbackReads(list.items?.some((item) => item.status === 'queued' || item.status === 'retrying') ?? false, 2_000, list.reload);
  return (
    <section className="em-stack" aria-labelledby="deliveries-heading">
      <div className="em-row em-row-spread align-items-end">
        <h2 id="deliveries-heading" className="mb-0">{t('Deliveries')}</h2>
        {subscription.status === 'active' && (
          <Busy pending={test.pending} className="btn btn-outline-secondary" onClick={() => void test.run()}>{t('Send a test')}</Busy>
        )}
      </div>
      <ProblemNote problem={test.problem} />
      <Select label={t('Status')} name="status" value={status} onChange={(event) => setStatus(event.target.value)}>
        <option value="">{t('All')}</option>
        {Object.entries(deliveryStates).map(([value, [, name]]) => <option key={value} value={value}>{t(name)}</option>)}
      </Select>
      <PagedList of={list} empty={status ? <Empty title={t('Nothing matches')} /> : <Empty title={t('Nothing delivered yet')}>{subscription.status === 'active' && t('Send a test to see whether it arrives.')}</Empty>}>
        {(items) => (
          <ul className="em-list" aria-label={t('Deliveries')}>
            {items.map((item) => <li key={item.id}><Contained>{() => <DeliveryCard subscriptionId={id} delivery={item} changed={list.reload} />}</Contained></li>)}
          </ul>
        )}
      </PagedList>
    </section>
  );
}

function DeliveryCard({ subscriptionId, delivery, changed }: { subscriptionId: string; delivery: WebhookDelivery; changed: () => void }) {
  const { id, type, status, attempts, createdAt, nextAttemptAt } = delivery;
  const { tone, words } = toned(deliveryStates, status);
  const retry = useAction(async () => {
    await subscriptions.retry(subscriptionId, id);
    changed();
  });
  return (
    <article className="em-card em-stack-s">
      <div className="em-row em-row-spread">
        <h3 className="em-code em-small mb-0">{type}</h3>
        <Badge tone={tone}>{words}</Badge>
      </div>
      <div className="em-small em-soft">
        <time dateTime={createdAt}>{formatMoment(createdAt)}</time>
        {nextAttemptAt && attempts.length > 0 && (
          <span><span>, </span>{rich('next try {at}', { at: <time dateTime={nextAttemptAt}>{formatMoment(nextAttemptAt)}</time> })}</span>
        )}
      </div>
      <ProblemNote problem={retry.problem} />
      {attempts.length > 0 && (
        <details>
          <summary>{plural('{count} attempt|{count} attempts', attempts.length)}</summary>
          <ol className="em-timeline mt-2">{attempts.map((attempt) => <li key={attempt.at} data-tone={attempt.status !== null && attempt.status < 300 ? 'good' : 'bad'}><Attempt attempt={attempt} /></li>)}</ol>
        </details>
      )}
      {status !== 'queued' && (
        <div><Busy pending={retry.pending} className="btn btn-sm btn-outline-secondary" onClick={() => void retry.run()}>
          {status === 'delivered' ? t('Send again') : t('Try now')}<span className="visually-hidden"> {type}, {formatMoment(createdAt)}</span>
        </Busy></div>
      )}
    </article>
  );
}

function Attempt({ attempt: { at, status, durationMs, error, errorCode, responseExcerpt } }: { attempt: WebhookDelivery['attempts'][number] }) {
  return (
    <>
      <div>{status === null ? errorWords(errorCode, error) : t('It answered {status}', { status: String(status) })} <span className="em-soft em-small">{t('after {milliseconds} ms', { milliseconds: number(durationMs) })}</span></div>
      <div className="em-small em-soft"><time dateTime={at}>{formatMoment(at)}</time></div>
      {responseExcerpt && <pre className="em-payload em-small mt-1 mb-0" tabIndex={0}>{responseExcerpt}</pre>}
    </>
  );
}
