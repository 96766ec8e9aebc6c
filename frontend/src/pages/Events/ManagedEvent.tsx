import { useEffect, useRef } from 'react';
import type { Elements } from '../../components/Elements';
import { useEvent } from '../../api/useEvent';
import type { Event } from '../../api/types';
import { EventBadge } from '../../components/Badge';
import { PageTitle } from '../../components/PageTitle';
import { Loaded, Pending } from '../../components/States';
import { When } from '../../components/When';
import { Link } from '../../routing/Link';
import { t } from '../../language/text';

const sections = [
  ['Overview', ''], ['Edit', '/edit'], ['Attendees', '/attendees'], ['Check-in', '/check-in'], ['Announcements', '/announcements'],
  ['Mails', '/mails'], ['Team', '/team'],
] as const;

interface Props {
  id: string;
  section: (typeof sections)[number][0];
  children: (event: Event, set: (event: Event) => void, reload: () => void) => Elements;
}

/** The head and the sections that all pages of an organizer's event share. */
export function ManagedEvent({ id, section, children }: Props) {
  const event = useEvent(id);
  return (
    <Loaded of={event} title={t('Event')} pending={<Pending label={t('Loading the event')} heights={[72, 48, 240]} />}>
      {(data) => (
        <>
          {section === 'Overview' ? (
            <PageTitle title={data.title}>
              <div className="em-row"><EventBadge status={data.status} /><span className="em-soft"><When event={data} /></span></div>
            </PageTitle>
          ) : <PageTitle title={t(section)} within={{ title: data.title, link: `/organizer/events/${id}` }} />}
          <Tabs id={id} section={section} />
          {children(data, (next) => event.set(() => next), event.reload)}
        </>
      )}
    </Loaded>
  );
}

/** One line also on a phone, where it is moved sideways; the section that is open is in sight. */
function Tabs({ id, section }: Pick<Props, 'id' | 'section'>) {
  const tabs = useRef<HTMLElement>(null);
  useEffect(() => {
    const open = tabs.current?.querySelector<HTMLElement>('[aria-current]');
    if (tabs.current && open) tabs.current.scrollLeft = open.offsetLeft - (tabs.current.clientWidth - open.offsetWidth) / 2;
  }, [section]);
  return (
    <nav ref={tabs} className="em-tabs" aria-label={t('Sections of this event')}>
      {sections.map(([name, path]) => (
        <Link key={name} to={`/organizer/events/${id}${path}`} aria-current={name === section ? 'page' : undefined}>{t(name)}</Link>
      ))}
    </nav>
  );
}
