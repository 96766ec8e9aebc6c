#!/usr/bin/env node
// Writes Sources/Domain/Events/ZoneNameTable.swift: which names of time zones are accepted, and what each is called today.
//
// From tzdata (Debian's, under /usr/share/zoneinfo: zone.tab, zone1970.tab, and tzdata.zi, which holds every zone and
// the links of `backward`) and CLDR's aliases (as ICU has them in Node). To be run on a machine with both in their
// newest versions when a zone has come or was renamed.
import { readFileSync, writeFileSync } from 'node:fs';

const source = '/usr/share/zoneinfo';
const lines = (name) => readFileSync(`${source}/${name}`, 'utf8').split('\n').filter((line) => line !== '');
const column = (name) => lines(name).filter((line) => !line.startsWith('#')).map((line) => line.split('\t')[2]);

const [version] = lines('tzdata.zi').map((line) => line.replace('# version ', ''));
const fields = (kind) => lines('tzdata.zi').map((line) => line.split(' ')).filter(([first]) => first === kind);
const zones = fields('Z').map(([, name]) => name);
const links = new Map(fields('L').map(([, target, name]) => [name, target]));
// A tzdata without its links (Debian puts them into tzdata-legacy since 13) would make a table without them.
if (!links.has('US/Eastern')) throw new Error('this tzdata.zi lacks the links of `backward`');

/** Names that people choose a zone by: they stay as they are. */
const listed = new Set([...column('zone.tab'), ...column('zone1970.tab')]);
// PostgreSQL and browsers speak of these two without any table.
for (const name of ['UTC', 'GMT']) listed.add(name);
for (const name of zones) if (name.startsWith('Etc/')) listed.add(name);

const icuName = (zone) => new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone;
/** CLDR's aliases of a name, of which each group has one that is listed. */
const places = [...listed].filter((name) => name.includes('/') && !name.startsWith('Etc/'));
const byGroup = new Map(places.map((name) => [icuName(name), name]));

const known = new Set([...listed, ...zones, ...links.keys(), ...Intl.supportedValuesOf('timeZone')]);
known.delete('Factory'); // "the time zone has not been set"
const table = new Map([...listed].sort().map((name) => [name, []]));
for (const name of [...known].filter((one) => !listed.has(one)).sort()) {
  // CLDR first: tzdata links Iceland to Africa/Abidjan, since both had one time since 1970.
  const today = byGroup.get(icuName(name)) ?? links.get(name);
  if (!listed.has(today)) throw new Error(`${name}: ${today} is no name of today`);
  table.get(today).push(name);
}

writeFileSync(new URL('../Sources/Domain/ZoneNameTable.swift', import.meta.url), `\
/// Written by infra/zone-names.mjs from tzdata ${version} and CLDR ${process.versions.cldr}, and changed only by it.
enum ZoneNameTable {
    /// Each name of today, and behind it those that it had before.
    static let text = """
${[...table].map(([today, before]) => `        ${[today, ...before].join(' ')}\n`).join('')}        """
}
`);
