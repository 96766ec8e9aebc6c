import type { SubscriptionPatch } from '../../api/types';
import { Checkbox, TextField } from '../../components/Field';
import { onlyErrors } from '../../components/Form';
import type { FieldErrors } from '../../components/Form';
import { t } from '../../language/text';
import { families, typeWords } from './subscriptionWords';

/** What can be said of a subscription when it is made, and changed later. */
export type SubscriptionValues = Required<Pick<SubscriptionPatch, 'name' | 'url' | 'types'>>;

export function subscriptionErrors({ name, url, types }: SubscriptionValues, isWebhook: boolean): FieldErrors {
  return onlyErrors({
    name: name.trim() ? undefined : t('Give it a name.'),
    url: !isWebhook || /^https?:\/\/\S+$/.test(url.trim()) ? undefined : t('Enter an address that begins with https://.'),
    types: types.length > 0 ? undefined : t('Choose what it is told.'),
  });
}

interface Props {
  values: SubscriptionValues;
  errors: FieldErrors;
  set: (change: Partial<SubscriptionValues>) => void;
}

export function NameField({ values, errors, set }: Props) {
  return <TextField label={t('Name')} name="name" maxLength={100} autoComplete="off" value={values.name} error={errors.name} onChange={(event) => set({ name: event.target.value })} />;
}

export function AddressField({ values, errors, set }: Props) {
  return (
    <TextField label={t('Address')} name="url" type="url" inputMode="url" placeholder="https://" maxLength={2000} autoComplete="off" value={values.url} error={errors.url}
      onChange={(event) => set({ url: event.target.value })} />
  );
}

/** `others`: types that were chosen by other means than these pages; they can be kept or taken away. */
export function TypeChoices({ values, errors, set, others = [] }: Props & { others?: string[] }) {
  const toggle = (type: string, isOn: boolean): void => set({ types: isOn ? [...values.types, type] : values.types.filter((one) => one !== type) });
  return (
    <fieldset>
      <legend className="em-strong em-legend">{t('What it is told')}</legend>
      {[...families.map(([type]) => type), ...others].map((type) => (
        <Checkbox key={type} label={typeWords(type)} name={type} checked={values.types.includes(type)} onChange={(event) => toggle(type, event.target.checked)} />
      ))}
      {errors.types && <div className="invalid-feedback" role="alert">{errors.types}</div>}
    </fieldset>
  );
}
