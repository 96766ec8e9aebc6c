import { useState } from 'react';
import { subscriptions } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { useIntention } from '../../api/useIntention';
import type { Subscription, SubscriptionDraft } from '../../api/types';
import { Busy } from '../../components/Busy';
import { Select } from '../../components/Field';
import { fieldErrors, Form, useValidation } from '../../components/Form';
import { t } from '../../language/text';
import { useSession } from '../../session/session';
import { AddressField, NameField, subscriptionErrors, TypeChoices } from './SubscriptionFields';
import type { SubscriptionValues } from './SubscriptionFields';

const empty: SubscriptionValues = { name: '', url: '', types: [] };

export function NewSubscription({ made }: { made: (subscription: Subscription) => void }) {
  const { user } = useSession();
  const [values, setValues] = useState(empty);
  const [delivery, setDelivery] = useState<SubscriptionDraft['delivery']>('webhook');
  const [scope, setScope] = useState<SubscriptionDraft['scope']>('own');
  const [count, setCount] = useState(0);
  const set = (change: Partial<SubscriptionValues>): void => setValues((before) => ({ ...before, ...change }));
  const intend = useIntention();
  const create = useAction(async () => {
    const wish: SubscriptionDraft = {
      name: values.name.trim(), scope, delivery, types: values.types, ...(delivery === 'webhook' ? { url: values.url.trim() } : {}),
    };
    made(await intend(wish, (key) => subscriptions.create(wish, key)));
    setValues(empty);
    setCount((before) => before + 1);
  });
  const validation = useValidation(subscriptionErrors(values, delivery === 'webhook'));
  const fields = { values, set, errors: { ...fieldErrors(create.problem), ...validation.shown } };
  return (
    <section className="em-card em-stack" aria-labelledby="new-subscription-heading">
      <h2 id="new-subscription-heading" className="mb-0">{t('New subscription')}</h2>
      <Form saved={count} name={t('New subscription')} problem={create.problem} onSubmit={() => { if (validation.passes()) void create.run(); }}>
        <NameField {...fields} />
        <Select label={t('How it is told')} name="delivery" value={delivery} onChange={(event) => setDelivery(event.target.value as typeof delivery)}
          hint={delivery === 'webhook' ? t('We call your address, and again until it answers.') : t('Your program reads a queue of RabbitMQ, at its own pace.')}>
          <option value="webhook">{t('At an address (webhook)')}</option>
          <option value="queue">{t('By a queue of its own')}</option>
        </Select>
        {delivery === 'webhook' && <AddressField {...fields} />}
        <TypeChoices {...fields} />
        {user?.role === 'admin' && (
          <Select label={t('Of which events')} name="scope" value={scope} onChange={(event) => setScope(event.target.value as typeof scope)}>
            <option value="own">{t('Your own')}</option>
            <option value="all">{t('All')}</option>
          </Select>
        )}
        <div><Busy type="submit" pending={create.pending} className="btn btn-primary">{t('Set it up')}</Busy></div>
      </Form>
    </section>
  );
}
