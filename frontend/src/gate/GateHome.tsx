import { useEffect, useState } from 'react';
import { events } from '../api/endpoints';
import { useResource } from '../api/useResource';
import { Contained } from '../components/Contained';
import { Pending } from '../components/States';
import { When } from '../components/When';
import { SignInForm } from '../pages/Accounts/SignInForm';
import { lastUser, useSession } from '../session/session';
import { keptLists } from './store';
import { t } from '../language/text';

interface Choice {
  id: string;
  title: string;
  startsAt: string;
  endsAt: string;
  timeZone: string;
}

/** Where the installed app opens: the events whose gate this person may open, and those that this device holds. */
export function GateHome() {
  const { user, status } = useSession();
  const [kept, setKept] = useState<Choice[]>([]);
  const own = useResource<Choice[]>(user ? `gates:${user.id}` : null, async (signal) =>
    (await events.list({ mine: true }, signal)).items.filter((event) => event.status === 'published'));
  useEffect(() => {
    void keptLists().then(
      (lists) => setKept(lists.filter((list) => list.userId === lastUser()).map(({ eventId, manifest }) => ({ ...manifest, id: eventId }))),
      (thrown: unknown) => console.info('Nothing is kept on this device.', thrown),
    );
  }, [user]);
  useEffect(() => { document.title = `${t('Gates')} · EM-Connect`; });
  const choices = [...new Map([...kept, ...(own.data ?? [])].map((choice) => [choice.id, choice])).values()];
  return (
    <div className="em-column mx-auto em-stack">
      <h1>{t('Gates')}</h1>
      {user === null && status !== 'restoring' && (
        <div className="em-card em-narrow w-100">
          <h2>{t('Sign in')}</h2>
          <SignInForm onDone={() => undefined} />
        </div>
      )}
      {choices.length === 0 && (status === 'restoring' || own.pending) && <Pending heights={[72, 72]} />}
      {choices.length === 0 && user && !own.pending && <p className="em-soft">{t('No event is yours to check in. An organizer can add you to one.')}</p>}
      {choices.length > 0 && (
        <ul className="em-list" aria-label={t('Events')}>
          {choices.map((choice) => (
            <li key={choice.id} className="em-card em-list-card is-dateless">
              <Contained>
                {() => (
                  <div>
                    <h2 dir="auto"><a className="em-cover" href={`/gate/${choice.id}`}>{choice.title}</a></h2>
                    <div className="em-soft"><When event={choice} /></div>
                  </div>
                )}
              </Contained>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
