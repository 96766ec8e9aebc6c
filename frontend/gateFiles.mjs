// Prints, as JSON, what the gate's service worker keeps of a build: the page, its script with every chunk that it imports
// at once or later (by esbuild's metafile), its style, its worker, decoder, icons.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const root = process.argv[2];
const { outputs } = JSON.parse(readFileSync(join(root, 'files.json'), 'utf8'));
const byName = new Map(Object.entries(outputs).map(([path, output]) => [basename(path), output]));
const entry = [...byName].find(([, output]) => output.entryPoint === 'src/gate.tsx');
const needed = new Set();

function need(name) {
  if (needed.has(name)) return;
  needed.add(name);
  for (const { path } of byName.get(name)?.imports ?? []) need(basename(path));
}
need(entry[0]);
needed.add(basename(entry[1].cssBundle ?? readdirSync(join(root, 'assets')).find((name) => /^gate-.*\.css$/.test(name))));

const beside = readdirSync(join(root, 'gate')).filter((name) => name !== 'index.html').map((name) => `/gate/${name}`);
console.log(JSON.stringify(['/gate/', '/favicon.svg', ...[...needed].map((name) => `/assets/${name}`), ...beside].sort()));
