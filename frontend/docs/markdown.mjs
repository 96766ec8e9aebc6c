// The part of CommonMark that our documents use: headings, paragraphs, lists, tables, fenced code, `code`, **bold**, *stress* and
// links. What it doesn't know it shows as it is.

const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text as HTML. */
export const escape = (text) => String(text).replace(/[&<>"]/g, (each) => escapes[each]);

/** The name that a heading can be linked by. */
export const slug = (text) => text.toLowerCase().replace(/`/g, '').replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');

/** Within a line. Addresses in angle brackets and pictures are not ours. */
export function inline(text) {
  return text.split(/(`[^`]+`)/).map((part) => (part.startsWith('`') && part.length > 2
    ? `<code>${escape(part.slice(1, -1))}</code>`
    : escape(part)
      .replace(/\[([^\]]+)\]\(([^)\s]+)\)/g, '<a href="$2">$1</a>')
      .replace(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>')
      .replace(/(^|[\s(])\*([^*\s][^*]*)\*/g, '$1<em>$2</em>'))).join('');
}

/** Lines up to the first for which `ends` holds, taken away from `lines`. */
function take(lines, ends) {
  const taken = [];
  while (lines.length > 0 && !ends(lines[0])) taken.push(lines.shift());
  return taken;
}

const startsBlock = (line) => /^(\s*$|#{1,4} |```|- |\d+\. |\|)/.test(line);

function list(lines, tag, mark) {
  const items = [];
  while (lines.length > 0 && mark.test(lines[0])) {
    const first = lines.shift().replace(mark, '');
    items.push([first, ...take(lines, (line) => mark.test(line) || !/^ +\S/.test(line))].map((line) => line.trim()).join(' '));
  }
  return `<${tag}>${items.map((item) => `<li>${inline(item)}</li>`).join('')}</${tag}>`;
}

function table(lines) {
  const [head, , ...rows] = take(lines, (line) => !line.startsWith('|'))
    .map((line) => line.trim().slice(1, -1).split('|').map((cell) => inline(cell.trim())));
  const cells = (tag, row, scope = '') => `<tr>${row.map((cell) => `<${tag}${scope}>${cell}</${tag}>`).join('')}</tr>`;
  return `<table class="table"><thead>${cells('th', head, ' scope="col"')}</thead><tbody>${rows.map((row) => cells('td', row)).join('')}</tbody></table>`;
}

/**
 * A whole text as HTML.
 * @param level what `#` becomes: 1 for a page of its own.
 */
export function markdown(text, level = 1) {
  const lines = text.split('\n');
  const blocks = [];
  while (lines.length > 0) {
    const line = lines[0];
    const heading = /^(#{1,4}) (.+)$/.exec(line);
    if (/^\s*$/.test(line)) lines.shift();
    else if (heading) {
      lines.shift();
      const tag = `h${heading[1].length + level - 1}`;
      blocks.push(`<${tag} id="${slug(heading[2])}">${inline(heading[2])}</${tag}>`);
    } else if (line.startsWith('```')) {
      lines.shift();
      blocks.push(`<pre><code>${escape(take(lines, (each) => each.startsWith('```')).join('\n'))}</code></pre>`);
      lines.shift();
    } else if (/^- /.test(line)) blocks.push(list(lines, 'ul', /^- /));
    else if (/^\d+\. /.test(line)) blocks.push(list(lines, 'ol', /^\d+\. /));
    else if (line.startsWith('|')) blocks.push(table(lines));
    else {
      const first = lines.shift();
      blocks.push(`<p>${inline([first, ...take(lines, startsBlock)].map((each) => each.trim()).join(' '))}</p>`);
    }
  }
  return blocks.join('\n');
}
