// A JSON Schema as a list of its members that a person can read.
import { escape, inline } from './markdown.mjs';

/** The last part of a reference: the schema's name. */
export const nameOf = (reference) => reference.split('/').pop();

const linked = (reference) => `<a href="#schema-${nameOf(reference)}">${nameOf(reference)}</a>`;
const quoted = (value) => `<code>${escape(JSON.stringify(value))}</code>`;

/** In a few words. */
export function typeOf(schema) {
  if (schema.$ref) return linked(schema.$ref);
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return choices.map(typeOf).join(' or ');
  if (schema.allOf) return schema.allOf.map(typeOf).join(' with ');
  if ('const' in schema) return quoted(schema.const);
  if (schema.enum) return `one of ${schema.enum.map(quoted).join(', ')}`;
  return [schema.type ?? 'anything'].flat().map((type) => {
    if (type === 'array') return schema.items ? `list of ${typeOf(schema.items)}` : 'list';
    if (type === 'string' && schema.format) return schema.format;
    return type;
  }).join(' or ');
}

const limits = [['minLength', 'maxLength', 'character'], ['minimum', 'maximum', ''], ['minItems', 'maxItems', 'item']];
const counted = (number, what) => `${number.toLocaleString('en')}${what && ` ${what}${number === 1 ? '' : 's'}`}`;

/** The constraints of a schema, in words. */
export function bounds(schema) {
  const said = limits.flatMap(([low, high, what]) => {
    if (low in schema && high in schema) return [`${schema[low].toLocaleString('en')} to ${counted(schema[high], what)}`];
    if (low in schema) return [`at least ${counted(schema[low], what)}`];
    return high in schema ? [`at most ${counted(schema[high], what)}`] : [];
  });
  if ('default' in schema) said.push(`default ${JSON.stringify(schema.default)}`);
  return said.join(', ');
}

/** Notes as a sentence, or nothing. */
export function sentence(...notes) {
  const text = notes.filter(Boolean).join('; ');
  return text && ` <span class="em-soft">${escape(text[0].toUpperCase() + text.slice(1))}.</span>`;
}

function members(schema) {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, member]) => {
    return `<dt><code>${escape(name)}</code> <span class="em-doc-type">${typeOf(member)}</span></dt>
<dd>${member.description ? inline(member.description) : ''}${sentence(bounds(member), !required.has(name) && 'optional')}${tree(inner(member))}</dd>`;
  }).join('\n');
}

/** The object that a member holds, or its items; references are linked, not repeated. */
function inner(member) {
  if (member.properties) return member;
  if (member.items && !member.items.$ref) return inner(member.items);
  return (member.oneOf ?? member.anyOf ?? []).find((each) => each.properties);
}

/** Its members, and theirs. */
export function tree(schema) {
  if (!schema) return '';
  const parts = (schema.allOf ?? []).filter((each) => !each.$ref).map(tree).join('');
  return parts + (schema.properties ? `<dl class="em-doc-members">${members(schema)}</dl>` : '');
}

/** An example in JSON. */
export const example = (value) => `<pre><code>${escape(typeof value === 'string' ? value : JSON.stringify(value, null, 2))}</code></pre>`;

/** The example that a schema gives, or that can be put together for a page of something; undefined without one. */
export function exampleOf(schema, document) {
  if (schema?.$ref) return exampleOf(document.components.schemas[nameOf(schema.$ref)], document);
  if (!schema) return undefined;
  if (schema.examples || 'example' in schema) return schema.example ?? schema.examples[0];
  const items = schema.properties?.items && exampleOf(schema.properties.items.items, document);
  return items === undefined ? undefined : { items: [items], ...('nextCursor' in schema.properties && { nextCursor: null }) };
}
