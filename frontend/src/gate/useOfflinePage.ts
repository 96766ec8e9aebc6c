import { useEffect, useState } from 'react';
import { serviceWorkers } from '../offline/serviceWorkers';

export interface OfflinePage {
  /** Whether the page opens without a network. */
  isKept: boolean;
  /** Takes a newer version that waits; null when there is none. */
  update: (() => void) | null;
}

/** Has the page kept on the device by its service worker (HTTPS or localhost only). */
export function useOfflinePage(): OfflinePage {
  const container = serviceWorkers();
  const [page, setPage] = useState<OfflinePage>({ isKept: Boolean(container?.controller), update: null });
  useEffect(() => {
    if (!container) return undefined;
    let isOver = false;
    let isTaking = false;
    const offer = (waiting: ServiceWorker): void => {
      if (!isOver) setPage({ isKept: true, update: () => { isTaking = true; waiting.postMessage('take over'); } });
    };
    const reload = (): void => { if (isTaking) window.location.reload(); };
    container.addEventListener('controllerchange', reload);
    container.register('/gate/sw.js', { scope: '/gate/' }).then((registration) => {
      if (registration.waiting && registration.active) offer(registration.waiting);
      registration.addEventListener('updatefound', () => {
        const next = registration.installing;
        next?.addEventListener('statechange', () => { if (next.state === 'installed' && registration.active) offer(next); });
      });
      return container.ready;
    }).then(
      () => { if (!isOver) setPage((before) => ({ ...before, isKept: true })); },
      // Without a network just now, or storage is forbidden: what there is goes on.
      (thrown: unknown) => console.info('No newer version of this page could be looked for.', thrown),
    );
    return () => {
      isOver = true;
      container.removeEventListener('controllerchange', reload);
    };
  }, [container]);
  return page;
}
