import { useSyncExternalStore } from 'react';

// What was typed into a form and not sent would be lost on the way to another page: whoever leaves is asked first.
// Forms say here what they hold; links and the browser's back button ask here before they go.

const forms = new Set<() => boolean>();
/** What happens when leaving is meant; null while nobody is asked. */
let question: (() => void) | null = null;
const listeners = new Set<() => void>();

function ask(next: (() => void) | null): void {
  question = next;
  for (const listener of [...listeners]) listener();
}

/** Whether something was typed that nobody has sent. */
export function holdsWork(): boolean {
  return [...forms].some((holds) => holds());
}

/** Goes at once when nothing is lost by it, else when the reader says so. */
export function leaveTo(go: () => void): void {
  if (holdsWork()) ask(go);
  else go();
}

/** For as long as a form is there. Returns how to take it away again. */
export function watchForm(holds: () => boolean): () => void {
  if (forms.size === 0) window.addEventListener('beforeunload', warn);
  forms.add(holds);
  return () => {
    forms.delete(holds);
    if (forms.size === 0) window.removeEventListener('beforeunload', warn);
  };
}

/** Closing the tab, reloading, another site: the browser asks in its own words. */
function warn(event: BeforeUnloadEvent): void {
  if (!holdsWork()) return;
  event.preventDefault();
  event.returnValue = '';
}

export function useLeaving(): { isAsked: boolean; stay: () => void; leave: () => void } {
  const go = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => { listeners.delete(listener); };
    },
    () => question,
  );
  return {
    isAsked: go !== null,
    stay: () => ask(null),
    leave: () => {
      ask(null);
      forms.clear();
      go?.();
    },
  };
}
