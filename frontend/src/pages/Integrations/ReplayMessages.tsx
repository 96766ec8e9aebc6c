import { useState } from 'react';
import { events } from '../../api/endpoints';
import { usePages } from '../../api/usePages';
import type { Event, Subscription } from '../../api/types';
import { Busy } from '../../components/Busy';
import { Select, TextField } from '../../components/Field';
import { fieldErrors, Form, onlyErrors, useValidation } from '../../components/Form';
import { Pending, ProblemNote } from '../../components/States';
import { isolated, plural, t } from '../../language/text';
import { formatDay } from '../../time/format';
import { useReplay } from './useReplay';

/** What happened at one event, told to this subscription once more. `sent`: more of it is under way now. */
export function ReplayMessages({ subscription, sent }: { subscription: Subscription; sent: () => void }) {
  return (
    <section className="em-card em-stack" aria-labelledby="replay-heading">
      <div>
        <h2 id="replay-heading">{t('Tell it once more')}</h2>
        <p className="em-soft mb-0">{t('For a program that was away, or that starts anew: the same messages under the same ids, to this subscription only.')}</p>
      </div>
      {subscription.status === 'active'
        ? <ReplayForm subscription={subscription} sent={sent} />
        : <p className="em-note mb-0">{t('Resume it first: nothing is sent while it is not active.')}</p>}
    </section>
  );
}

function ReplayForm({ subscription, sent }: { subscription: Subscription; sent: () => void }) {
  const whose = subscription.scope === 'own' ? { mine: true } : { all: true };
  const list = usePages<Event>(`replayable:${subscription.scope}`, (cursor, signal) => events.list({ ...whose, limit: 100, cursor }, signal));
  // What nobody was told of has no messages.
  const choice = list.items?.filter(({ status }) => status !== 'draft') ?? [];
  const [values, setValues] = useState({ eventId: '', from: '1', to: '' });
  const set = (change: Partial<typeof values>): void => setValues((before) => ({ ...before, ...change }));
  const [from, to] = [Number(values.from), values.to === '' ? null : Number(values.to)];
  const replay = useReplay(subscription.id);
  const validation = useValidation(onlyErrors({
    eventId: values.eventId ? undefined : t('Choose an event.'),
    from: isNumber(values.from) ? undefined : t('Enter a number, at least 1.'),
    to: to === null || (isNumber(values.to) && to >= from) ? undefined : t('Enter a number that is not below the first.'),
  }));
  const errors = { ...fieldErrors(replay.problem), ...validation.shown };
  const start = async (): Promise<void> => {
    await replay.run({ eventId: values.eventId, from, to });
    sent();
  };
  if (list.items === undefined) return list.problem ? <ProblemNote problem={list.problem} retry={list.reload} /> : <Pending heights={[200]} />;
  if (choice.length === 0) return <p className="em-soft mb-0">{t('There is no event yet whose messages could be sent.')}</p>;
  return (
    <Form mayBeLeft name={t('Tell it once more')} problem={replay.problem} onSubmit={() => { if (validation.passes()) void start(); }}>
      <Select label={t('Event')} name="eventId" value={values.eventId} error={errors.eventId} onChange={(event) => set({ eventId: event.target.value })}>
        <option value="">{t('Choose…')}</option>
        {choice.map(({ id, title, startsAt, timeZone }) => <option key={id} value={id}>{`${isolated(title)}, ${formatDay(startsAt, timeZone)}`}</option>)}
      </Select>
      {list.loadMore && <div><Busy pending={list.loadingMore} className="btn btn-sm btn-outline-secondary" onClick={list.loadMore}>{t('More events')}</Busy></div>}
      <div className="em-pair">
        <TextField label={t('From message')} name="from" inputMode="numeric" autoComplete="off" maxLength={15} value={values.from} error={errors.from}
          hint={t('The number that messages call “sequence”; 1 is the first.')} onChange={(event) => set({ from: event.target.value.trim() })} />
        <TextField label={t('To message')} name="to" inputMode="numeric" autoComplete="off" maxLength={15} value={values.to} error={errors.to}
          hint={t('Empty for the newest.')} onChange={(event) => set({ to: event.target.value.trim() })} />
      </div>
      <div className="em-row">
        <Busy type="submit" pending={replay.pending} className="btn btn-outline-secondary">{t('Send them again')}</Busy>
        <span role="status">{replay.sent !== null && progress(replay.sent, replay.isDone, replay.problem !== null)}</span>
      </div>
    </Form>
  );
}

/** Of what was gone through, only what the subscription asks for is sent. */
function progress(sent: number, isDone: boolean, isBroken: boolean): string {
  if (isBroken) return plural('Broken off after {count} message. Sending again goes on from there.|Broken off after {count} messages. Sending again goes on from there.', sent);
  if (!isDone) return plural('{count} message so far…|{count} messages so far…', sent);
  return sent === 0 ? t('There is nothing in it that this subscription is told.') : plural('{count} message goes out once more.|{count} messages go out once more.', sent);
}

function isNumber(text: string): boolean {
  return /^[1-9]\d{0,14}$/.test(text);
}
