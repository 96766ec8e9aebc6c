import type { ReactElement } from 'react';

/**
 * What can stand beside something else: elements, or nothing. A text can't: it has to have an element of its own, or a
 * browser that translates the page takes it from under React (see test/ownElements.test.mjs).
 */
export type Elements = ReactElement | readonly Elements[] | '' | boolean | null | undefined;
