import { useEffect } from 'react';

/** Has one's tickets open without a network from now on (HTTPS or localhost only). */
export function useKeptPage(): void {
  useEffect(() => {
    const container = navigator.serviceWorker as ServiceWorkerContainer | undefined;
    container?.register('/tickets-sw.js', { scope: '/tickets' }).catch(
      // Storage is forbidden, or there is no network just now: the page goes on, only not without one.
      (thrown: unknown) => console.info('The tickets are not kept on this device.', thrown),
    );
  }, []);
}
