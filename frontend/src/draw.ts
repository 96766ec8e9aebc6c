import { createElement, startTransition } from 'react';
import type { ComponentType } from 'react';
import { createRoot } from 'react-dom/client';

/** Draws an app into the page piece by piece: React lets the browser go on in the middle of a transition. */
export function draw(App: ComponentType): void {
  const root = createRoot(document.getElementById('app')!);
  startTransition(() => root.render(createElement(App)));
}
