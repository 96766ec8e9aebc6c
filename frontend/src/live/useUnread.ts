import { notifications } from '../api/endpoints';
import { useResource } from '../api/useResource';
import { useSession } from '../session/session';
import { useTopic } from './useLive';

/** How many notifications one hasn't read, as it changes, in this tab and elsewhere; 0 for nobody in particular. */
export function useUnread(): number {
  const { user } = useSession();
  const count = useResource<{ unread: number }>(user ? `unread:${user.id}` : null, (signal) => notifications.unread(signal));
  useTopic(user ? 'me' : null, (update) => {
    if (update.type === 'unread') count.set(() => ({ unread: update.unread }));
    // What came between the reading and the subscription was told to nobody here.
    else if (update.type === 'notification' || update.type === 'subscribed') count.reload();
  });
  return user ? count.data?.unread ?? 0 : 0;
}
