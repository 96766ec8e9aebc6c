// Writes .styles/bootstrap.css: of Bootstrap's style sheet what these pages name. A rule stays when every class of one of its
// selectors stands somewhere in the sources; what isn't about classes stays too. Left and right become the line's beginning and
// end, so that the one sheet holds for both directions of writing.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

const whole = readFileSync('/usr/share/javascript/bootstrap5/css/bootstrap.min.css', 'utf8').replace(/\/\*[^]*?\*\//g, '');
const sources = readdirSync('src', { recursive: true }).filter((name) => /\.(tsx?|html)$/.test(name));
const named = new Set(sources.flatMap((name) => readFileSync(`src/${name}`, 'utf8').match(/[A-Za-z][\w-]*/g) ?? []));

/** Whether a page can have what the selector wants: what it wants not (`:not`) doesn't count. */
function isMeant(selector) {
  const wanted = selector.replace(/:not\([^)]*\)/g, '').match(/\.[A-Za-z][\w-]*/g) ?? [];
  return wanted.every((name) => named.has(name.slice(1)));
}

/** The rules of a sheet, or of a block of it: [what stands before the brace, what stands in it]. */
function* rulesOf(text) {
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf('{', at);
    if (open < 0) return;
    let depth = 1;
    let end = open + 1;
    for (; depth > 0; end += 1) {
      if (text[end] === '{') depth += 1;
      else if (text[end] === '}') depth -= 1;
      else if (text[end] === undefined) throw new Error(`a brace is not closed: ${text.slice(at, at + 60)}`);
    }
    yield [text.slice(at, open), text.slice(open + 1, end - 1)];
    at = end;
  }
}

/** Declarations of a rule, free of left and right. */
function directed(body) {
  const sides = { left: 'start', right: 'end' };
  return body
    .replace(/(?<=^|;)(margin|padding|border)-(left|right)(?=[:-])/g, (_, property, side) => `${property}-inline-${sides[side]}`)
    .replace(/(?<=^|;)(left|right):/g, (_, side) => `inset-inline-${sides[side]}:`)
    .replace(/(?<=^|;)text-align:(left|right)/g, (_, side) => `text-align:${sides[side]}`)
    // Browsers of before 2023 don't know these and keep to the first.
    .replace(/(?<=^|;)(float|clear):(left|right)/g, (whole, property, side) => `${whole};${property}:inline-${sides[side]}`);
}

function trimmed(text) {
  return [...rulesOf(text)].map(([head, body]) => {
    const name = head.replace(/^@charset[^;]*;/, '');
    if (/^@(media|supports)/.test(name)) {
      const inner = trimmed(body);
      return inner && `${name}{${inner}}`;
    }
    if (name.startsWith('@')) return `${name}{${body}}`;
    // Commas inside of brackets part no selectors.
    const meant = name.split(/,(?![^(]*\))/).filter(isMeant).join(',');
    return meant && `${meant}{${directed(body)}}`;
  }).join('');
}

mkdirSync('.styles', { recursive: true });
writeFileSync('.styles/bootstrap.css', trimmed(whole));
