import { useEffect } from 'react';

/**
 * A keyboard scanner types wherever the focus is. What is typed outside of any control goes to the code's field, so that
 * a touch beside it costs no scan.
 */
export function useScannerKeys(field: () => HTMLInputElement | null): void {
  useEffect(() => {
    const catchKey = (event: KeyboardEvent): void => {
      const { activeElement } = document;
      const isTyping = activeElement instanceof HTMLInputElement || activeElement instanceof HTMLTextAreaElement;
      // Space and Enter press buttons: they begin no code.
      const isCode = event.key.length === 1 && event.key !== ' ' && !event.ctrlKey && !event.metaKey && !event.altKey;
      if (!isTyping && isCode && document.querySelector('dialog[open]') === null) field()?.focus();
    };
    window.addEventListener('keydown', catchKey);
    return () => window.removeEventListener('keydown', catchKey);
  });
}
