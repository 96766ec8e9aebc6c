import { registrations } from '../../api/endpoints';
import { useResource } from '../../api/useResource';
import type { Resource } from '../../api/useResource';
import type { OwnRegistration } from '../../api/types';
import { afterUpdate } from '../../live/updates';
import { useFallbackReads, useIsLive, useTopic } from '../../live/useLive';
import { useSession } from '../../session/session';

/**
 * The signed-in person's registration for an event (the active one, else the last cancelled), kept current by the
 * `me` topic. While a ticket is owed, or the socket is away, it is also read again now and then.
 */
export function useOwnRegistration(eventId: string): Resource<OwnRegistration | null> {
  const { user } = useSession();
  const own = useResource<OwnRegistration | null>(
    user ? `own:${user.id}:${eventId}` : null,
    async (signal) => choose((await registrations.mine({ eventId }, signal)).items),
  );
  const live = useIsLive('me');
  useTopic(user ? 'me' : null, (update) => {
    if (update.type === 'subscribed' && update.again) own.reload();
    if ((update.type !== 'registration' && update.type !== 'ticket') || update.eventId !== eventId) return;
    const next = own.pending || !own.data ? null : afterUpdate(own.data, update);
    if (next !== null) own.set(() => next);
    // Why it was cancelled has to be read.
    if (next === null || (next.status === 'cancelled' && own.data?.status !== 'cancelled')) own.reload();
  });

  const registration = own.data ?? null;
  const ticketOwed = registration?.status === 'confirmed' && registration.ticket === null;
  useFallbackReads(user !== null && ticketOwed, 2_000, own.reload);
  useFallbackReads(user !== null && !live && !ticketOwed && registration?.status === 'waitlisted', 8_000, own.reload);
  return own;
}

function choose(items: OwnRegistration[]): OwnRegistration | null {
  const newestFirst = [...items].sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  return newestFirst.find((item) => item.status !== 'cancelled') ?? newestFirst[0] ?? null;
}
