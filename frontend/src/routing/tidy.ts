/**
 * What mail programs and chats take for a part of an address: the end of the sentence or the brackets that it stood in.
 */
const glued = /[\s.,;:!?'"‘’‚“”„«»‹›()[\]{}<>*_~|…·。、，．；：！？」』】》〉）`\\]+$/u;

/** A path of ours without what was glued to it: none ends so. The path itself when there is nothing to take away. */
export function tidied(path: string): string {
  let plain: string;
  try { plain = decodeURIComponent(path); } catch { return path; }
  const end = glued.exec(plain)?.[0];
  return end === undefined ? path : encodeURI(plain.slice(0, -end.length)) || '/';
}
