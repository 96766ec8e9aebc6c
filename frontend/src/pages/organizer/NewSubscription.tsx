import { useState } from 'react';
import { subscriptions } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { useIntention } from '../../api/useIntention';
import type { Subscription, SubscriptionDraft } from '../../api/types';
import { Busy } from '../../components/Busy';
import { Checkbox, Select, TextField } from '../../components/Field';
import { fieldErrors, Form, onlyErrors, useValidation } from '../../components/Form';
import { t } from '../../language/text';
import { useSession } from '../../session/session';
import { families } from './subscriptionWords';

const empty = { name: '', url: '', types: [] as string[] };

export function NewSubscription({ made }: { made: (subscription: Subscription) => void }) {
  const { user } = useSession();
  const [values, setValues] = useState(empty);
  const [delivery, setDelivery] = useState<SubscriptionDraft['delivery']>('webhook');
  const [scope, setScope] = useState<SubscriptionDraft['scope']>('own');
  const set = (change: Partial<typeof empty>): void => setValues((before) => ({ ...before, ...change }));
  const intend = useIntention();
  const create = useAction(async () => {
    const wish: SubscriptionDraft = {
      name: values.name.trim(), scope, delivery, types: values.types, ...(delivery === 'webhook' ? { url: values.url.trim() } : {}),
    };
    made(await intend(wish, (key) => subscriptions.create(wish, key)));
    setValues(empty);
  });
  const validation = useValidation(onlyErrors({
    name: values.name.trim() ? undefined : t('Give it a name.'),
    url: delivery === 'queue' || /^https?:\/\/\S+$/.test(values.url.trim()) ? undefined : t('Enter an address that begins with https://.'),
    types: values.types.length > 0 ? undefined : t('Choose what it is told.'),
  }));
  const errors = { ...fieldErrors(create.problem), ...validation.shown };
  const toggle = (type: string, isOn: boolean): void =>
    set({ types: isOn ? [...values.types, type] : values.types.filter((one) => one !== type) });
  return (
    <section className="em-card em-stack" aria-labelledby="new-subscription-heading">
      <h2 id="new-subscription-heading" className="mb-0">{t('New subscription')}</h2>
      <Form name={t('New subscription')} problem={create.problem} onSubmit={() => { if (validation.passes()) void create.run(); }}>
        <TextField label={t('Name')} name="name" maxLength={100} autoComplete="off" value={values.name} error={errors.name}
          onChange={(event) => set({ name: event.target.value })} />
        <Select label={t('How it is told')} name="delivery" value={delivery} onChange={(event) => setDelivery(event.target.value as typeof delivery)}
          hint={delivery === 'webhook' ? t('We call your address, and again until it answers.') : t('Your program reads a queue of RabbitMQ, at its own pace.')}>
          <option value="webhook">{t('At an address (webhook)')}</option>
          <option value="queue">{t('By a queue of its own')}</option>
        </Select>
        {delivery === 'webhook' && (
          <TextField label={t('Address')} name="url" type="url" inputMode="url" placeholder="https://" maxLength={2000} autoComplete="off" value={values.url} error={errors.url}
            onChange={(event) => set({ url: event.target.value })} />
        )}
        <fieldset>
          <legend className="em-strong em-legend">{t('What it is told')}</legend>
          {families.map(([type, name]) => (
            <Checkbox key={type} label={t(name)} name={type} checked={values.types.includes(type)} onChange={(event) => toggle(type, event.target.checked)} />
          ))}
          {errors.types && <div className="invalid-feedback" role="alert">{errors.types}</div>}
        </fieldset>
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
