import type { ComponentType } from 'react';
import { dateFormat } from './language/formats';

/**
 * Draws an app as soon as React, the app and its language are there. They are fetched side by side, and each is run by
 * itself: a slow phone can answer a finger in between.
 */
export async function start(react: Promise<typeof import('./draw')>, app: Promise<ComponentType>, language: Promise<void>): Promise<void> {
  // Without its words the page is in English: better than no page.
  const [{ draw }, App] = await Promise.all([react, app, language.catch(console.error)]);
  draw(App);
  // Its first date costs a browser much more than all others: taken while the page waits for the server's answer.
  window.requestIdleCallback?.(() => dateFormat({ dateStyle: 'medium' }));
}
