import { linked } from './links';

/**
 * What people wrote, line by line as they did; it may run in another direction than the page, and its addresses are
 * links.
 */
export function Prose({ text, className = '' }: { text: string; className?: string }) {
  return (
    <p className={`em-prose ${className}`} dir="auto">
      {linked(String(text)).map((piece, index) => (piece.href === undefined
        ? <span key={index}>{piece.text}</span>
        : <a key={index} href={piece.href} target="_blank" rel="noopener nofollow ugc">{piece.text}</a>))}
    </p>
  );
}
