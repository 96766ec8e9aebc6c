// Prints, as JSON, what a service worker keeps of a build: a page, its script with the chunks that it imports, its style.
//
//   node keptFiles.mjs DIST gate      the gate: also what it imports later, its worker, decoder, icons
//   node keptFiles.mjs DIST tickets   one's tickets: the first bundle, and the languages
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const [root, page] = process.argv.slice(2);
const { outputs } = JSON.parse(readFileSync(join(root, 'files.json'), 'utf8'));
const byName = new Map(Object.entries(outputs).map(([path, output]) => [basename(path), output]));
const script = page === 'gate' ? 'gate' : 'main';
const entry = [...byName].find(([, output]) => output.entryPoint === `src/${script}.tsx`);
const needed = new Set();

function need(name) {
  if (needed.has(name)) return;
  needed.add(name);
  for (const { path, kind } of byName.get(name)?.imports ?? []) {
    if (page === 'gate' || kind !== 'dynamic-import' || basename(path).startsWith('german')) need(basename(path));
  }
}
need(entry[0]);
needed.add(basename(entry[1].cssBundle ?? readdirSync(join(root, 'assets')).find((name) => name.startsWith(`${script}-`) && name.endsWith('.css'))));

const beside = page === 'gate' ? readdirSync(join(root, 'gate')).filter((name) => name !== 'index.html').map((name) => `/gate/${name}`) : [];
console.log(JSON.stringify([page === 'gate' ? '/gate/' : '/tickets', '/favicon.svg', ...[...needed].map((name) => `/assets/${name}`), ...beside].sort()));
