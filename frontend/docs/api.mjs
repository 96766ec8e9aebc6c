// The page about the API, from openapi.yaml.
import { escape, inline, markdown, slug } from './markdown.mjs';
import { bounds, example, exampleOf, sentence, tree, typeOf } from './schema.mjs';

const methods = ['get', 'post', 'put', 'patch', 'delete'];

export function operationsOf(document) {
  return Object.entries(document.paths).flatMap(([path, item]) => methods.filter((method) => item[method]).map((method) => ({
    path, method: method.toUpperCase(), ...item[method], parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])],
  })));
}

/** What a reference stands for. */
function found(document, value) {
  return value.$ref ? value.$ref.slice(2).split('/').reduce((place, part) => place[part], document) : value;
}

const schemes = { accessToken: 'an access token', refreshCookie: 'the sign-in cookie', apiKey: 'an API key' };

function who({ security }) {
  if (security.length === 0) return 'Public.';
  const ways = security.flatMap((way) => Object.entries(way).map(([name, scopes]) =>
    `${schemes[name] ?? name}${scopes.length > 0 ? ` with the scope <code>${scopes.map(escape).join('</code> or <code>')}</code>` : ''}`));
  return security.some((way) => Object.keys(way).length === 0) ? `Public; more with ${ways.join(' or ')}.` : `Requires ${ways.join(' or ')}.`;
}

function parametersOf(document, operation) {
  const told = operation.parameters.map((each) => found(document, each)).map((each) => `<dt><code>${escape(each.name)}</code> <span class="em-doc-type">${each.in === 'query' ? '' : `${each.in}, `}${typeOf(each.schema)}</span></dt>
<dd>${inline(each.description ?? '')}${sentence(bounds(each.schema), !each.required && 'optional')}</dd>`);
  return told.length > 0 ? `<h4>Parameters</h4><dl class="em-doc-members">${told.join('\n')}</dl>` : '';
}

function content(document, body) {
  return Object.entries(body.content ?? {}).map(([kind, media]) => {
    const schema = media.schema ?? {};
    const shown = media.example ?? Object.values(media.examples ?? {})[0]?.value ?? exampleOf(schema, document);
    const type = schema.$ref || !schema.properties ? typeOf(schema) : '';
    return `<p class="em-doc-type">${escape(kind)}${type ? `: ${type}` : ''}</p>${schema.$ref ? '' : tree(schema)}
${shown === undefined ? '' : `<details><summary>Example</summary>${example(shown)}</details>`}`;
  }).join('\n');
}

function bodyOf(document, { requestBody }) {
  if (!requestBody) return '';
  return `<h4>Body${requestBody.required ? '' : ' (optional)'}</h4>${requestBody.description ? markdown(requestBody.description, 5) : ''}${content(document, requestBody)}`;
}

/** Refusals in a line each: their documents look alike. */
function answersOf(document, { responses }) {
  const told = Object.entries(responses).map(([code, each]) => [code, found(document, each)]);
  const good = told.filter(([code]) => code < '400').map(([code, answer]) => {
    const headers = Object.keys(answer.headers ?? {}).map((name) => `<code>${name}</code>`).join(', ');
    return `<dt>${code}</dt><dd>${inline(answer.description)}${headers ? ` <span class="em-soft">With ${headers}.</span>` : ''}${content(document, answer)}</dd>`;
  });
  const bad = told.filter(([code]) => code >= '400').map(([code, answer]) =>
    `<li>${code} ${inline(answer.description).replace(/<code>([a-z]+(?:-[a-z]+)*)<\/code>/g, '<a href="/docs/problems#$1"><code>$1</code></a>')}</li>`);
  return `<h4>Responses</h4><dl class="em-doc-members">${good.join('\n')}</dl>
${bad.length > 0 ? `<details><summary>Errors</summary><ul>${bad.join('')}</ul></details>` : ''}`;
}

function operationPart(document, operation) {
  return `<section class="em-card em-doc-operation">
<h3 id="${operation.operationId}"><span class="em-doc-method" data-method="${operation.method}">${operation.method}</span> <code>${escape(operation.path).replace(/\//g, '/<wbr>')}</code></h3>
<p>${inline(operation.summary)}</p>
${operation.description ? markdown(operation.description, 4) : ''}
<p class="em-soft">${who(operation)}</p>
${parametersOf(document, operation)}${bodyOf(document, operation)}${answersOf(document, operation)}
</section>`;
}

export function schemaPart(name, schema, document) {
  const shown = exampleOf(schema, document);
  return `<section><h3 id="schema-${name}">${name}</h3>
<p><span class="em-doc-type">${typeOf(schema)}</span>${sentence(bounds(schema))} ${inline(schema.description ?? '')}</p>${tree(schema)}
${schema.type === 'object' && shown !== undefined ? `<details><summary>Example</summary>${example(shown)}</details>` : ''}</section>`;
}

/** {title, contents, html} of the page. */
export function apiPage(document, guide) {
  const operations = operationsOf(document);
  const groups = document.tags.map((tag) => ({ ...tag, operations: operations.filter((each) => each.tags[0] === tag.name) }))
    .filter((group) => group.operations.length > 0);
  const guideHeadings = [...guide.matchAll(/^## (.+)$/gm)].map(([, title]) => ({ title, id: slug(title) }));
  const html = `${markdown(guide)}
${groups.map((group) => `<h2 id="group-${slug(group.name)}">${escape(group.name)}</h2>${group.description ? `<p>${inline(group.description)}</p>` : ''}
${group.operations.map((each) => operationPart(document, each)).join('\n')}`).join('\n')}
<h2 id="schemas">Schemas</h2>
${Object.entries(document.components.schemas).map(([name, schema]) => schemaPart(name, schema, document)).join('\n')}`;
  const contents = [...guideHeadings, ...groups.map((group) => ({
    title: group.name, id: `group-${slug(group.name)}`,
    entries: group.operations.map((each) => ({ title: `${each.method} ${each.path.replace('/api/v1', '')}`, id: each.operationId })),
  })), { title: 'Schemas', id: 'schemas', entries: Object.keys(document.components.schemas).map((name) => ({ title: name, id: `schema-${name}` })) }];
  return { title: 'API reference', contents, html };
}
