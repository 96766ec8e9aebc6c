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
import { ResendVerification } from '../account/ResendVerification';
import type { RegistrationWindow } from './registrationWindow';

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
      {full && (
        <p className="em-note mb-0" data-tone="warn">
          <strong>This event is full.</strong>{' '}
          {event.waitlistEnabled ? 'Wait in line: whoever is first gets the next free place.' : 'If somebody cancels, the place can be taken here.'}
        </p>
      )}
      {(!full || event.waitlistEnabled) && (
        <Ask eventId={event.id} wish={full ? 'Join the waitlist' : 'Register'} pending={register.pending} onAsk={() => void register.run()} />
      )}
      {event.registrationClosesAt && <p className="em-small em-soft mb-0">Registration closes on <Moment at={event.registrationClosesAt} />.</p>}
    </>
  );
}

/** Refusals that say that this page is behind: what it shows is read again. */
const outrun = new Set(['already-registered', 'full', 'registration-closed', 'registration-not-open', 'event-cancelled', 'event-ended']);

function Shut({ event, window }: { event: Event; window: RegistrationWindow }) {
  switch (window) {
    case 'notYet':
      return <p className="em-note mb-0">Registration opens on {event.registrationOpensAt && <strong><Moment at={event.registrationOpensAt} /></strong>}. Keep this page open: the button appears by itself.</p>;
    case 'closed':
      return <p className="em-note mb-0">Registration closed on {event.registrationClosesAt && <Moment at={event.registrationClosesAt} />}.</p>;
    case 'ended':
      return <p className="em-note mb-0">This event has ended.</p>;
    case 'draft':
      return <p className="em-note mb-0">This event isn’t published yet.</p>;
    default:
      return null;
  }
}

function Moment({ at }: { at: string }) {
  return <time dateTime={at}>{formatMoment(at)}</time>;
}

interface AskProps {
  eventId: string;
  wish: string;
  pending: boolean;
  onAsk: () => void;
}

function Ask({ eventId, wish, pending, onAsk }: AskProps) {
  const { user } = useSession();
  if (user !== null) return <Busy pending={pending} className="btn btn-primary btn-lg" onClick={onAsk}>{wish}</Busy>;
  const next = encodeURIComponent(`/events/${eventId}`);
  return (
    <>
      <Link className="btn btn-primary btn-lg" to={`/sign-in?next=${next}`}>{wish === 'Register' ? 'Sign in to register' : 'Sign in to join the waitlist'}</Link>
      <p className="em-small em-soft text-center mb-0">New here? <Link to={`/sign-up?next=${next}`}>Create an account</Link></p>
    </>
  );
}
