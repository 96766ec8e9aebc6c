import { useState } from 'react';
import { subscriptions } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import type { Subscription, SubscriptionPatch } from '../../api/types';
import { Busy } from '../../components/Busy';
import { Dialog } from '../../components/Confirm';
import { fieldErrors, Form, useValidation } from '../../components/Form';
import { t } from '../../language/text';
import { AddressField, NameField, subscriptionErrors, TypeChoices } from './SubscriptionFields';
import type { SubscriptionValues } from './SubscriptionFields';
import { families } from './subscriptionWords';

interface Props {
  subscription: Subscription;
  saved: (now: Subscription) => void;
  dismiss: () => void;
}

/** Another name, another address, other things to be told of. How it is told stays: that is what it was made for. */
export function EditSubscription({ subscription, saved, dismiss }: Props) {
  const before: SubscriptionValues = { name: subscription.name, url: subscription.url ?? '', types: subscription.types };
  const isWebhook = subscription.delivery === 'webhook';
  const [values, setValues] = useState(before);
  const set = (change: Partial<SubscriptionValues>): void => setValues((held) => ({ ...held, ...change }));
  const save = useAction(async () => saved(await subscriptions.edit(subscription.id, changes(before, values, isWebhook))));
  const validation = useValidation(subscriptionErrors(values, isWebhook));
  const fields = { values, set, errors: { ...fieldErrors(save.problem), ...validation.shown } };
  const others = subscription.types.filter((type) => !families.some(([family]) => family === type));
  return (
    <Dialog title={t('Change the subscription')} onClose={() => { if (!save.pending) dismiss(); }}>
      <Form name={t('Change the subscription')} problem={save.problem} onSubmit={() => { if (validation.passes()) void save.run(); }}>
        <NameField {...fields} />
        {isWebhook && <AddressField {...fields} />}
        <TypeChoices {...fields} others={others} />
        <div className="em-dialog-actions">
          <button type="button" className="btn btn-outline-secondary" disabled={save.pending} onClick={dismiss}>{t('Leave it')}</button>
          <Busy type="submit" pending={save.pending} className="btn btn-primary">{t('Save changes')}</Busy>
        </div>
      </Form>
    </Dialog>
  );
}

/** Only what was changed. An address that stays isn't checked anew either. */
function changes(before: SubscriptionValues, now: SubscriptionValues, isWebhook: boolean): SubscriptionPatch {
  const [name, url] = [now.name.trim(), now.url.trim()];
  const sameTypes = now.types.length === before.types.length && now.types.every((type) => before.types.includes(type));
  return { ...(name !== before.name && { name }), ...(isWebhook && url !== before.url && { url }), ...(!sameTypes && { types: now.types }) };
}
