import { useState } from 'react';
import { apiKeys } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { useIntention } from '../../api/useIntention';
import type { ApiKey, ApiScope } from '../../api/types';
import { Busy } from '../../components/Busy';
import { Checkbox, Select, TextField } from '../../components/Field';
import { fieldErrors, Form, onlyErrors, useValidation } from '../../components/Form';
import { plural, t } from '../../language/text';
import type { Text } from '../../language/text';
import { serverNow } from '../../time/serverClock';

/** What a key may open, in words. */
export const scopes: Record<ApiScope, Text> = {
  'events:read': 'See your events', 'events:write': 'Create and change events', 'registrations:read': 'See who is registered',
  'registrations:write': 'Add and remove people', 'check-ins:write': 'Check people in', 'announcements:write': 'Post announcements',
  'messages:read': 'Read what happened', 'subscriptions:write': 'Set up subscriptions',
};

const day = 86_400_000;
const ages = [30, 90, 365];

export function NewApiKey({ made }: { made: (key: ApiKey) => void }) {
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState<ApiScope[]>([]);
  const [age, setAge] = useState(90);
  const [count, setCount] = useState(0);
  const intend = useIntention();
  const create = useAction(async () => {
    // From the day's beginning: asked for again, it is the same wish.
    const expiresAt = new Date((Math.floor(serverNow() / day) + age) * day).toISOString();
    const wish = { name: name.trim(), scopes: chosen, expiresAt };
    made(await intend(wish, (key) => apiKeys.create(wish, key)));
    setName('');
    setChosen([]);
    setCount((before) => before + 1);
  });
  const validation = useValidation(onlyErrors({
    name: name.trim() ? undefined : t('Give it a name.'),
    scopes: chosen.length > 0 ? undefined : t('Choose what it may do.'),
  }));
  const errors = { ...fieldErrors(create.problem), ...validation.shown };
  const toggle = (scope: ApiScope, isOn: boolean): void => setChosen((before) => (isOn ? [...before, scope] : before.filter((one) => one !== scope)));
  return (
    <section className="em-card em-stack" aria-labelledby="new-key-heading">
      <h2 id="new-key-heading" className="mb-0">{t('New key')}</h2>
      <Form saved={count} name={t('New key')} problem={create.problem} onSubmit={() => { if (validation.passes()) void create.run(); }}>
        <TextField label={t('Name')} name="name" maxLength={100} autoComplete="off" value={name} error={errors.name}
          hint={t('What it is for: the program, or the machine that it runs on.')} onChange={(event) => setName(event.target.value)} />
        <fieldset>
          <legend className="em-strong em-legend">{t('It may')}</legend>
          <div className="em-choices">
            {(Object.keys(scopes) as ApiScope[]).map((scope) => (
              <Checkbox key={scope} label={t(scopes[scope])} name={scope} checked={chosen.includes(scope)}
                hint={<span className="em-code em-small">{scope}</span>} onChange={(event) => toggle(scope, event.target.checked)} />
            ))}
          </div>
          {errors.scopes && <div className="invalid-feedback" role="alert">{errors.scopes}</div>}
        </fieldset>
        <Select label={t('For')} name="age" value={age} onChange={(event) => setAge(Number(event.target.value))}>
          {ages.map((count) => <option key={count} value={count}>{plural('{count} day|{count} days', count)}</option>)}
        </Select>
        <div><Busy type="submit" pending={create.pending} className="btn btn-primary">{t('Make the key')}</Busy></div>
      </Form>
    </section>
  );
}
