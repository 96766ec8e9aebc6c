/** A piece of a text: a link where there is an address, else words. */
export interface Piece {
  text: string;
  /** Missing for words. */
  href?: string;
}

// No blanks, no quotes and angle brackets that addresses are put into, and nothing that can't be seen or that turns
// what is read.
const address = /https?:\/\/[^\s<>"“”«»\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u0000-\u001f\u007f]+/gi;
/** What ends a sentence or closes something around the address, in the scripts that have signs of their own for it. */
const trailing = /[.,;:!?'’‘„…·*_~|\\。、，．；：！？·」』】）》〉؟،؛।]$/;
const pairs: Record<string, string | undefined> = { ')': '(', ']': '[', '}': '{', '）': '（' };

/** A text with its web addresses found, each without the punctuation of the sentence that it stands in. */
export function linked(text: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(address)) {
    const at = match.index ?? 0;
    const found = withoutTail(match[0] ?? '');
    const href = hrefOf(found);
    // "xhttps://…" is no address, nor is a part of one that was found before.
    if (href === null || at < end || /[\p{L}\p{N}]$/u.test(text.slice(Math.max(0, at - 2), at))) continue;
    if (at > end) pieces.push({ text: text.slice(end, at) });
    pieces.push({ text: found, href });
    end = at + found.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end) });
  return pieces;
}

function withoutTail(found: string): string {
  const counts = new Map<string, number>();
  for (const sign of found) counts.set(sign, (counts.get(sign) ?? 0) + 1);
  let length = found.length;
  for (; length > 0; length -= 1) {
    const last = found.charAt(length - 1);
    const opening = pairs[last];
    const count = counts.get(last) ?? 0;
    // A bracket belongs to the address as long as its partner is in it: …/Garden_(film)
    if (opening === undefined ? !trailing.test(last) : count <= (counts.get(opening) ?? 0)) break;
    counts.set(last, count - 1);
  }
  return found.slice(0, length);
}

/**
 * Null for what is no address of the web, or names another place than one reads (https://bank.example@evil.example).
 */
function hrefOf(text: string): string | null {
  try {
    const url = new URL(text);
    const isWeb = url.protocol === 'https:' || url.protocol === 'http:';
    return isWeb && url.hostname !== '' && url.username === '' && url.password === '' ? url.href : null;
  } catch {
    return null;
  }
}
