import { lazy } from 'react';
import type { ComponentType, LazyExoticComponent } from 'react';

const reloadedKey = 'em.reloaded';

/**
 * A page that is fetched when it is first shown. After a deployment an open tab names files that are gone; the tab is
 * then loaded anew, once.
 */
export function lazyPage<Props>(load: () => Promise<ComponentType<Props>>): LazyExoticComponent<ComponentType<Props>> {
  return lazy(async () => {
    try {
      const page = await load();
      sessionStorage.removeItem(reloadedKey);
      return { default: page };
    } catch (thrown) {
      if (sessionStorage.getItem(reloadedKey) !== null) throw thrown;
      sessionStorage.setItem(reloadedKey, '1');
      window.location.reload();
      return new Promise<never>(() => undefined);
    }
  });
}
