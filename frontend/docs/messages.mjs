// The page about messages and live updates, from asyncapi.yaml.
import { schemaPart } from './api.mjs';
import { escape, inline, markdown, slug } from './markdown.mjs';
import { example, nameOf, tree, typeOf } from './schema.mjs';

function messagePart(message, document) {
  const id = `message-${slug(message.name)}`;
  const data = message.payload.allOf?.map((part) => part.properties?.data).find(Boolean);
  const payload = message.payload.$ref && document.components.schemas[nameOf(message.payload.$ref)];
  return `<section class="em-card"><h3 id="${id}"><code>${escape(message.name)}</code></h3>
<p>${inline(message.summary)}</p>${data ? `<p class="em-doc-type">data: ${typeOf(data)}</p>` : ''}${payload ? tree(payload) : ''}
<details><summary>Example</summary>${example(message.examples[0].payload)}</details></section>`;
}

function closeCodes(codes) {
  return `<h3 id="close-codes">Close codes</h3><dl class="em-doc-members">${codes.map(({ code, reason, meaning }) =>
    `<dt>${code} <span class="em-doc-type">${escape(reason)}</span></dt><dd>${inline(meaning)}</dd>`).join('\n')}</dl>`;
}

/** {title, contents, html} of the page. */
export function messagesPage(document, guide) {
  const named = (reference) => document.components.messages[nameOf(reference)];
  const { events, scoped, webhook, socket } = document.channels;
  const said = (operation) => operation.messages.map(({ $ref }) => named($ref));
  const facts = said(document.operations.publishEvents);
  const alone = Object.entries(webhook.messages).filter(([name]) => !(name in events.messages)).map(([, { $ref }]) => named($ref));
  const [sent, heard] = [said(document.operations.receiveFrames), said(document.operations.sendFrames)];
  const channel = (each, level) => `<h${level} id="${slug(each.title)}">${escape(each.title)}${each.address ? `: <code>${escape(each.address)}</code>` : ''}</h${level}>${markdown(each.description, 4)}`;
  const parts = (messages) => messages.map((message) => messagePart(message, document)).join('\n');
  const html = `${markdown(guide)}
<h2 id="where">Channels</h2>
${[events, scoped, webhook].map((each) => channel(each, 3)).join('\n')}
<h2 id="messages">Messages</h2>
<p>Each is a ${typeOf({ $ref: '#/components/schemas/CloudEvent' })} with its own <code>data</code>.</p>
${parts([...facts, ...alone])}
${channel(socket, 2)}
${closeCodes(socket['x-close-codes'])}
<h2 id="client-frames">Client frames</h2>
${parts(sent)}
<h2 id="server-frames">Server frames</h2>
${parts(heard)}
<h2 id="schemas">Schemas</h2>
${Object.entries(document.components.schemas).map(([name, schema]) => schemaPart(name, schema, document)).join('\n')}`;
  const entries = (messages) => messages.map(({ name }) => ({ title: name, id: `message-${slug(name)}` }));
  const contents = [
    ...[...guide.matchAll(/^## (.+)$/gm)].map(([, title]) => ({ title, id: slug(title) })),
    { title: 'Channels', id: 'where' }, { title: 'Messages', id: 'messages', entries: entries([...facts, ...alone]) },
    { title: socket.title, id: slug(socket.title), entries: [{ title: 'Close codes', id: 'close-codes' }] },
    { title: 'Client frames', id: 'client-frames', entries: entries(sent) },
    { title: 'Server frames', id: 'server-frames', entries: entries(heard) },
    { title: 'Schemas', id: 'schemas' }];
  return { title: 'Messages and live updates', contents, html };
}
