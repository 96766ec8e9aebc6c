import { useSyncExternalStore } from 'react';
import { holdsWork, leaveTo } from './leaving';
import { tidied } from './tidy';

// The browser's history as a store: `useLocation` follows it, `navigate` moves it.

const listeners = new Set<() => void>();
let current = read();
/** Set by a navigation, taken by the new page's heading: it gets the focus then, and only then. */
let headingWantsFocus = false;

/** The address as it stands; without what was glued to the end of a path, of which the address is freed at once. */
function read(): string {
  const { pathname, search, hash } = window.location;
  const path = tidied(pathname);
  if (path !== pathname) window.history.replaceState(window.history.state, '', path + search + hash);
  return path + search;
}

function changed(): void {
  current = read();
  for (const listener of [...listeners]) listener();
}

// The browser would scroll before the page has its content again; we do it when that has been drawn.
window.history.scrollRestoration = 'manual';
const scrolls = new Map<number, number>();
/** By entry of the history, what was shown when it was added. */
const origins = new Map<number, string>();
let entry = entryNumber();
let newestEntry = entry;

function entryNumber(): number {
  const state: unknown = window.history.state;
  return typeof state === 'number' ? state : 0;
}

/** Set while the history is moved by us, back to the page that its reader doesn't want to leave. */
let isReturning = false;

window.addEventListener('popstate', () => {
  if (isReturning) {
    isReturning = false;
    return;
  }
  const distance = entryNumber() - entry;
  if (distance !== 0 && read() !== current && holdsWork()) {
    // The browser has gone already: back to the form, and once more when that is meant.
    isReturning = true;
    window.history.go(-distance);
    leaveTo(() => window.history.go(distance));
    return;
  }
  scrolls.set(entry, window.scrollY);
  entry = entryNumber();
  headingWantsFocus = true;
  changed();
  requestAnimationFrame(() => window.scrollTo(0, scrolls.get(entry) ?? 0));
});

export function useLocation(): { path: string; query: URLSearchParams; address: string } {
  const address = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => { listeners.delete(listener); };
    },
    () => current,
  );
  return { ...parts(address), address };
}

/** By hand: `new URL` takes an address like "//x" for another site's, and throws at "///". */
function parts(address: string): { path: string; query: URLSearchParams } {
  const [path = '/', ...query] = address.split('?');
  return { path, query: new URLSearchParams(query.join('?')) };
}

export function isHere(to: string): boolean {
  return to === current;
}

export function navigate(to: string, { replace = false }: { replace?: boolean } = {}): void {
  if (isHere(to)) return;
  const samePage = parts(to).path === window.location.pathname;
  try {
    if (replace) {
      window.history.replaceState(entry, '', to);
    } else {
      window.history.pushState(Math.max(newestEntry, entry) + 1, '', to);
      scrolls.set(entry, window.scrollY);
      entry = newestEntry = Math.max(newestEntry, entry) + 1;
      origins.set(entry, current);
    }
  } catch (thrown) {
    // Safari refuses the hundredth change in half a minute.
    console.info('The address can’t be changed now.', thrown);
    if (!samePage) window.location.assign(to);
    return;
  }
  if (!samePage) {
    headingWantsFocus = true;
    window.scrollTo(0, 0);
  }
  changed();
}

/**
 * Leaves a page that was only on the way: for where it was opened, if that is it, so that nothing is in the history
 * twice.
 */
export function returnTo(to: string): void {
  if (origins.get(entry) === to) window.history.back();
  else navigate(to, { replace: true });
}

export function takeHeadingFocus(): boolean {
  const wanted = headingWantsFocus;
  headingWantsFocus = false;
  return wanted;
}

/** Takes what stands behind the # out of the address and the history: tokens come there, which no log, copied address or
 * later visitor of this browser should hold. */
export function clearFragment(): void {
  const { hash, pathname, search } = window.location;
  if (hash !== '') window.history.replaceState(entry, '', pathname + search);
}

