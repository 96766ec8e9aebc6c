// Prints which files of a build belong together, by the list that esbuild made of them.
//
//   node files.mjs DIST drawing main|gate   what a page's script imports before it draws, a line each
//   node files.mjs DIST kept gate           as JSON, what the gate's service worker keeps: all of it, with worker and decoder
//   node files.mjs DIST kept tickets        as JSON, what the tickets' keeps: the first bundle, and the languages
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const [root, wanted, page] = process.argv.slice(2);
const { outputs } = JSON.parse(readFileSync(join(root, 'files.json'), 'utf8'));
const byName = new Map(Object.entries(outputs).map(([path, output]) => [basename(path), output]));
const script = page === 'gate' ? 'gate' : 'main';
const [entry, { cssBundle }] = [...byName].find(([, output]) => output.entryPoint === `src/${script}.ts`);
const style = basename(cssBundle ?? readdirSync(join(root, 'assets')).find((name) => name.startsWith(`${script}-`) && name.endsWith('.css')));

/** The script's file and all that it imports: what is imported later (pages, languages) only as far as `takesLater` says. */
function filesOf(takesLater) {
  const found = new Set();
  const take = (name) => {
    if (found.has(name)) return;
    found.add(name);
    for (const { path, kind } of byName.get(name)?.imports ?? []) {
      const source = byName.get(basename(path))?.entryPoint ?? '';
      if (kind !== 'dynamic-import' || first.has(source) || takesLater(source)) take(basename(path));
    }
  };
  take(entry);
  return found;
}
/** Imported by the script as soon as it runs. */
const first = new Set(['src/draw.ts', script === 'gate' ? 'src/gate/GateApp.tsx' : 'src/App.tsx']);

if (wanted === 'drawing') {
  console.log([...filesOf(() => false)].filter((name) => name !== entry).sort().join('\n'));
} else {
  const assets = [style, ...filesOf((source) => page === 'gate' || /\/german\.ts$/.test(source))].map((name) => `/assets/${name}`);
  const beside = page === 'gate' ? readdirSync(join(root, 'gate')).filter((name) => name !== 'index.html').map((name) => `/gate/${name}`) : [];
  console.log(JSON.stringify([page === 'gate' ? '/gate/' : '/tickets', '/favicon.svg', ...assets, ...beside].sort()));
}
