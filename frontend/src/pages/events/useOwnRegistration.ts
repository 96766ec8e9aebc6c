import { useEffect, useRef } from 'react';
import { registrations } from '../../api/endpoints';
import { useResource } from '../../api/useResource';
import type { Resource } from '../../api/useResource';
import type { OwnRegistration } from '../../api/types';
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
    const ours = (update.type === 'registration' || update.type === 'ticket')
      && (update.eventId === undefined || update.eventId === eventId);
    if (ours || (update.type === 'subscribed' && update.again)) own.reload();
  });

  const registration = own.data ?? null;
  const ticketOwed = registration?.status === 'confirmed' && registration.ticket === null;
  useFallbackReads(user !== null && ticketOwed, 2_000, own.reload);
  useFallbackReads(user !== null && !live && !ticketOwed && registration?.status === 'waitlisted', 8_000, own.reload);
  return own;
}

/** Somebody left the line: one's own number may have changed. Spread out, as all who wait hear it together. */
export function useLineMoves(inLine: boolean, waitlisted: number, reload: () => void): void {
  const counted = useRef(waitlisted);
  useEffect(() => {
    const changed = counted.current !== waitlisted;
    counted.current = waitlisted;
    if (!inLine || !changed) return undefined;
    const timer = setTimeout(reload, 500 + Math.random() * Math.min(10_000, waitlisted * 20));
    return () => clearTimeout(timer);
  }, [inLine, waitlisted, reload]);
}

function choose(items: OwnRegistration[]): OwnRegistration | null {
  const newestFirst = [...items].sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  return newestFirst.find((item) => item.status !== 'cancelled') ?? newestFirst[0] ?? null;
}
