import { useEffect } from 'react';
import { serviceWorkers } from './serviceWorkers';

/** Has one's tickets open without a network from now on (HTTPS or localhost only). */
export function useKeptPage(): void {
  useEffect(() => {
    serviceWorkers()?.register('/tickets-sw.js', { scope: '/tickets' }).catch(
      // Storage is forbidden, or there is no network just now: the page goes on, only not without one.
      (thrown: unknown) => console.info('The tickets are not kept on this device.', thrown),
    );
  }, []);
}
