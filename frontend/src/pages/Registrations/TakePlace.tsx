import { registrations } from '../../api/endpoints';
import { Problem } from '../../api/problem';
import { useAction } from '../../api/useAction';
import { useIntention } from '../../api/useIntention';
import type { Event, OwnRegistration } from '../../api/types';
import { Busy } from '../../components/Busy';
import { ProblemNote } from '../../components/States';
import type { Counts } from '../../live/updates';
import { Link } from '../../routing/Link';
import { useSession } from '../../session/session';
import { formatMoment } from '../../time/format';
import { ResendVerification } from '../Accounts/ResendVerification';
import type { RegistrationWindow } from './registrationWindow';
import { rich, t } from '../../language/text';

interface Props {
  event: Event;
  window: RegistrationWindow;
  counts: Counts;
  changed: (now?: OwnRegistration) => void;
}

/** The way to a place, or to one in line; or why there is none at the moment. */
export function TakePlace({ event, window, counts, changed }: Props) {
  const { user } = useSession();
  const intend = useIntention();
  const register = useAction(async () => {
    try {
      const made = await intend(event.id, (key) => registrations.register(event.id, key));
      changed({ ...made, event });
    } catch (thrown) {
      const problem = Problem.from(thrown);
      if (outrun.has(problem.slug)) changed();
      if (problem.slug !== 'already-registered') throw problem;
    }
  });
  const full = counts.confirmed >= counts.capacity;
  if (window !== 'open') return <Shut event={event} window={window} />;
  return (
    <>
      <ProblemNote problem={register.problem} />
      {register.problem?.slug === 'email-not-verified' && <ResendVerification email={user?.email} />}
      {full && !register.pending && (
        <p className="em-note mb-0" data-tone="warn">
          <strong>{t('This event is full.')}</strong>{' '}
          <span>{event.waitlistEnabled ? t('Wait in line: whoever is first gets the next free place.') : t('If somebody cancels, the place can be taken here.')}</span>
        </p>
      )}
      {register.pending && <Expected full={full} />}
      {(!full || event.waitlistEnabled) && (
        <Ask eventId={event.id} full={full} pending={register.pending} onAsk={() => void register.run()} />
      )}
      {event.registrationClosesAt && <p className="em-small em-soft mb-0">{rich('Registration closes on {time}.', { time: <Moment at={event.registrationClosesAt} /> })}</p>}
    </>
  );
}

/** What will stand here in a moment, as far as one can tell: the server's answer takes its place, or says otherwise. */
function Expected({ full }: { full: boolean }) {
  if (full) return <p className="em-note mb-0" data-tone="warn" role="status">{t('You are being put in line…')}</p>;
  return (
    <>
      <p className="em-note mb-0" data-tone="good" role="status">{t('Your place is being taken…')}</p>
      <div className="em-ticket"><div className="em-ticket-image em-skeleton" aria-hidden="true" /></div>
    </>
  );
}

/** Refusals that say that this page is behind: what it shows is read again. */
const outrun = new Set(['already-registered', 'full', 'registration-closed', 'registration-not-open', 'event-cancelled', 'event-ended']);

function Shut({ event, window }: { event: Event; window: RegistrationWindow }) {
  switch (window) {
    case 'notYet':
      return <p className="em-note mb-0">{rich('Registration opens on {time}. Keep this page open: the button appears by itself.', { time: event.registrationOpensAt && <strong><Moment at={event.registrationOpensAt} /></strong> })}</p>;
    case 'closed':
      return <p className="em-note mb-0">{rich('Registration closed on {time}.', { time: event.registrationClosesAt && <Moment at={event.registrationClosesAt} /> })}</p>;
    case 'ended':
      return <p className="em-note mb-0">{t('This event has ended.')}</p>;
    case 'draft':
      return <p className="em-note mb-0">{t('This event isn’t published yet.')}</p>;
    default:
      return null;
  }
}

function Moment({ at }: { at: string }) {
  return <time dateTime={at}>{formatMoment(at)}</time>;
}

interface AskProps {
  eventId: string;
  full: boolean;
  pending: boolean;
  onAsk: () => void;
}

function Ask({ eventId, full, pending, onAsk }: AskProps) {
  const { user } = useSession();
  if (user !== null) return <Busy pending={pending} className="btn btn-primary btn-lg" onClick={onAsk}>{full ? t('Join the waitlist') : t('Register')}</Busy>;
  const next = encodeURIComponent(`/events/${eventId}`);
  return (
    <>
      <Link className="btn btn-primary btn-lg" to={`/sign-in?next=${next}`}>{full ? t('Sign in to join the waitlist') : t('Sign in to register')}</Link>
      <p className="em-small em-soft text-center mb-0">{rich('New here? {link}', { link: <Link to={`/sign-up?next=${next}`}>{t('Create an account')}</Link> })}</p>
    </>
  );
}
