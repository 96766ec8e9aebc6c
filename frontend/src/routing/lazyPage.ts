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
      forgetReload();
      return { default: page };
    } catch (thrown) {
      if (!noteReload()) throw thrown;
      window.location.reload();
      return new Promise<never>(() => undefined);
    }
  });
}

function forgetReload(): void {
  try { sessionStorage.removeItem(reloadedKey); } catch { /* storage is forbidden: nothing was noted */ }
}

/** False when it was loaded anew already, or when that can't be noted: it would go on for ever. */
function noteReload(): boolean {
  try {
    if (sessionStorage.getItem(reloadedKey) !== null) return false;
    sessionStorage.setItem(reloadedKey, '1');
    return true;
  } catch {
    return false;
  }
}
