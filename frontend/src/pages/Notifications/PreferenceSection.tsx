import { account } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { useResource } from '../../api/useResource';
import type { NotificationTopic, Preferences } from '../../api/types';
import type { PreferenceChange } from '../../api/endpoints';
import { Checkbox, Select } from '../../components/Field';
import { Loaded, Pending, ProblemNote } from '../../components/States';
import { chooseLanguage, isLanguage, languages } from '../../language/language';
import { has, t } from '../../language/text';
import type { Text } from '../../language/text';

const topics: Record<NotificationTopic, { name: Text; about: Text }> = {
  registrations: { name: 'Your registrations', about: 'Places, places in line, tickets.' },
  eventChanges: { name: 'Changes of events', about: 'When an event that you are registered for is changed or cancelled.' },
  announcements: { name: 'Announcements', about: 'What organizers tell everybody.' },
  reminders: { name: 'Reminders', about: 'Before an event begins.' },
};

/** In which language, and what of it all comes by mail or here. */
export function PreferenceSection() {
  const held = useResource<Preferences>('preferences', (signal) => account.preferences(signal));
  const change = useAction(async (wish: PreferenceChange) => {
    const now = await account.prefer(wish);
    held.set(() => now);
    if (wish.language !== undefined) await chooseLanguage(wish.language);
  });
  return (
    <section className="em-card em-stack" aria-labelledby="preferences-heading">
      <h2 id="preferences-heading" className="mb-0">{t('What comes to you')}</h2>
      <ProblemNote problem={change.problem} />
      <Loaded of={held} pending={<Pending heights={[72, 200]} />}>
        {(now) => (
          <>
            <Select label={t('Language')} name="language" value={now.language} hint={t('Of these pages and of our mails.')}
              onChange={({ target: { value } }) => { if (isLanguage(value)) void change.run({ language: value }); }}>
              {Object.entries(languages).map(([tag, name]) => <option key={tag} value={tag} lang={tag}>{name}</option>)}
            </Select>
            {now.topics.map(({ topic, mail, inApp, mailLocked }) => (
              <fieldset key={topic}>
                <legend className="em-strong em-legend">{has(topics, topic) ? t(topics[topic].name) : topic}</legend>
                {has(topics, topic) && <div className="em-small em-soft mb-1">{t(topics[topic].about)}</div>}
                <Checkbox label={t('By email')} name={`${topic}-mail`} checked={mail} disabled={mailLocked}
                  hint={mailLocked ? t('These mails belong to your place.') : undefined}
                  onChange={({ target }) => void change.run({ topics: [{ topic, mail: target.checked }] })} />
                <Checkbox label={t('Here, under notifications')} name={`${topic}-in-app`} checked={inApp}
                  onChange={({ target }) => void change.run({ topics: [{ topic, inApp: target.checked }] })} />
              </fieldset>
            ))}
          </>
        )}
      </Loaded>
    </section>
  );
}
