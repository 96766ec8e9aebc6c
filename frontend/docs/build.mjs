// Writes the developer pages into a directory: docs.html, docs/problems.html, docs/messages.html and docs/tickets.html, from
// openapi.yaml, asyncapi.yaml, problems.yaml and the texts beside this file. The pages work without JavaScript.
//   node docs/build.mjs DIRECTORY STYLESHEET
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { apiPage } from './api.mjs';
import { escape, inline, markdown, slug } from './markdown.mjs';
import { messagesPage } from './messages.mjs';

const yaml = createRequire(import.meta.url)(process.env.EM_JS_YAML ?? '/usr/share/nodejs/js-yaml');
const [directory, style] = process.argv.slice(2);
const read = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
const openapi = yaml.load(read('../../api-service/openapi.yaml'));
const asyncapi = yaml.load(read('../../api-service/asyncapi.yaml'));

function problemsPage(groups) {
  const one = ({ type, status, meaning, remedy }) => `<section><h3 id="${type}"><code>${type}</code> <span class="em-doc-type">${status}</span></h3>
<p>${inline(meaning)}</p><p>${inline(remedy)}</p></section>`;
  const html = `<p>Every error is an <code>application/problem+json</code> document (RFC 9457). Decide by <code>type</code>, which is stable; <code>title</code> is a sentence
for people, <code>traceId</code> finds the request in the logs, and <code>errors</code> lists each invalid field with a stable
<code>code</code>.</p>
<pre><code>${escape(JSON.stringify(openapi.components.responses.Invalid.content['application/problem+json'].example, null, 2))}</code></pre>
${groups.map((group) => `<h2 id="${slug(group.title)}">${escape(group.title)}</h2>${group.problems.map(one).join('\n')}`).join('\n')}`;
  const contents = groups.map(({ title, problems }) => ({ title, id: slug(title), entries: problems.map(({ type }) => ({ title: type, id: type })) }));
  return { title: 'Problems', contents, html };
}

function ticketsPage(text) {
  const [, title, rest] = /^# (.+)\n([^]*)$/.exec(text);
  return { title, contents: [...rest.matchAll(/^## (.+)$/gm)].map(([, each]) => ({ title: each, id: slug(each) })), html: markdown(rest) };
}

/** `name`: short, so that all of them stand in one line on a phone. */
const pages = {
  '/docs': { name: 'API', ...apiPage(openapi, read('guide.md')) },
  '/docs/messages': { name: 'Messages', ...messagesPage(asyncapi, read('messages.md')) },
  '/docs/problems': { name: 'Problems', ...problemsPage(yaml.load(read('problems.yaml'))) },
  '/docs/tickets': { name: 'Tickets', ...ticketsPage(read('../../Sources/Domain/Domain.docc/TicketFormat.md')) },
};

const list = (entries) => `<ul>${entries.map(({ title, id, entries: inner }) => `<li><a href="#${id}">${escape(title)}</a>${inner ? list(inner) : ''}</li>`).join('')}</ul>`;

function html(address, { title, contents, html: content }) {
  const links = Object.entries(pages).map(([to, page]) =>
    `<li><a href="${to}"${to === address ? ' aria-current="page"' : ''}>${escape(page.name)}</a></li>`).join('');
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="description" content="EM-Connect for programs: ${escape(title)}.">
    <title>${escape(title)} · EM-Connect</title>
    <link rel="icon" href="/favicon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="${style}">
  </head>
  <body>
<a class="em-skip" href="#content">Skip to content</a>
<header class="em-header"><div class="em-header-inner"><a class="em-brand" href="/"><img src="/favicon.svg" alt="" width="28" height="28">EM-Connect</a>
<nav class="em-doc-pages" aria-label="Developer documentation"><ul>${links}</ul></nav></div></header>
<div class="em-doc-columns">
<nav class="em-doc-contents" aria-label="On this page"><details class="em-doc-narrow"><summary>On this page</summary>${list(contents)}</details>
<div class="em-doc-wide">${list(contents)}</div></nav>
<main id="content" class="em-doc" tabindex="-1"><h1>${escape(title)}</h1>
${content}
</main></div>
<footer class="em-footer"><a href="/openapi.yaml">openapi.yaml</a> · <a href="/asyncapi.yaml">asyncapi.yaml</a></footer>
  </body>
</html>
`;
}

mkdirSync(`${directory}/docs`, { recursive: true });
for (const [address, page] of Object.entries(pages)) writeFileSync(`${directory}${address}.html`, html(address, page));
