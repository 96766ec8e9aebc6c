// Writes src/api/schemas.ts: the schemas of api-service/openapi.yaml and the problem types of docs/problems.yaml as TypeScript.
// Run by `build` and `check`, so that an API that has changed shows as an error of types, in the page that reads it.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const yaml = createRequire(import.meta.url)(process.env.EM_JS_YAML ?? '/usr/share/nodejs/js-yaml');
const { schemas } = read('../api-service/openapi.yaml').components;
const problems = read('docs/problems.yaml').flatMap((group) => group.problems);

function read(file) {
  try {
    return yaml.load(readFileSync(new URL(file, import.meta.url), 'utf8'));
  } catch (thrown) {
    // Its own words would come with the whole file.
    console.error(`${file} can't be read: ${thrown.reason ?? thrown.message}\n${thrown.mark?.snippet ?? ''}`);
    process.exit(1);
  }
}

/** The type of a schema, as far as this description uses JSON Schema; what it doesn't use is refused, not guessed. */
function typeOf(schema, indent, where) {
  if (schema.$ref) return schema.$ref.split('/').pop();
  if (schema.anyOf || schema.oneOf) {
    return union((schema.anyOf ?? schema.oneOf).map((one) => typeOf(one, indent, where)));
  }
  if (schema.allOf) return schema.allOf.map((one) => typeOf(one, indent, where)).join(' & ');
  if ('const' in schema) return literal(schema.const);
  if (schema.enum) return union(schema.enum.map(literal).concat([schema.type].flat().includes('null') ? 'null' : []));
  return union([schema.type ?? 'unknown'].flat().map((type) => simple(type, schema, indent, where)));
}

function simple(type, schema, indent, where) {
  switch (type) {
    case 'string': case 'boolean': case 'null': case 'unknown': return type;
    case 'integer': case 'number': return 'number';
    case 'array': return schema.items ? list(typeOf(schema.items, indent, where)) : 'unknown[]';
    case 'object': return object(schema, indent, where);
    default: throw new Error(`${where}: what is ${JSON.stringify(type)} in TypeScript?`);
  }
}

function object({ properties, required = [], additionalProperties }, indent, where) {
  if (!properties) return `Record<string, ${typeof additionalProperties === 'object' ? typeOf(additionalProperties, indent, where) : 'unknown'}>`;
  const inner = `${indent}  `;
  const lines = Object.entries(properties).map(([name, schema]) =>
    `${comment(schema, inner)}${inner}${name}${required.includes(name) ? '' : '?'}: ${typeOf(schema, inner, `${where}.${name}`)};\n`);
  return `{\n${lines.join('')}${indent}}`;
}

const literal = (value) => (typeof value === 'string' ? `'${value.replace(/['\\]/g, '\\$&')}'` : String(value));
const union = (types) => [...new Set(types)].join(' | ');
const list = (type) => (/[|&]/.test(type.replace(/\{[^]*\}/g, '')) ? `(${type})[]` : `${type}[]`);
const comment = ({ description }, indent) =>
  (description ? `${indent}/** ${description.trim().replace(/\s*\n\s*/g, ' ').replace(/\*\//g, '')} */\n` : '');

const types = Object.entries(schemas).map(([name, schema]) => `${comment(schema, '')}export type ${name} = ${typeOf(schema, '', name)};\n`);
types.push(`/** The \`type\` of a problem document. */\nexport type ProblemType = ${union(problems.map(({ type }) => literal(type)))};\n`);
const text = `// Written by apiTypes.mjs from api-service/openapi.yaml and docs/problems.yaml: change those, not this.\n\n${types.join('\n')}`;
const target = new URL('src/api/schemas.ts', import.meta.url);
let before = '';
try { before = readFileSync(target, 'utf8'); } catch { /* the first time */ }
if (before !== text) writeFileSync(target, text);
