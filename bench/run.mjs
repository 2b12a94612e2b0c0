// npm run bench [-- websocket …] [--only sat,idle] [--runs 3] [--secs 10] [--slow 1,2,4]: every measure on every
// server, in turns; npm run bench -- quick: what matters most, in five minutes, ratios only; bench/README.md.
import { parseArgs } from 'node:util';
import { buildWorker } from '../scripts/lib/build.mjs';
import { main, Problem } from '../scripts/lib/run.mjs';
import * as callbackPolling from './measures/callback-polling.mjs';
import * as eventsource from './measures/eventsource.mjs';
import * as goals from './measures/goals.mjs';
import * as durability from './measures/durability.mjs';
import * as longPolling from './measures/long-polling.mjs';
import * as trees from './measures/trees.mjs';
import * as websocket from './measures/websocket.mjs';
import { runLoad } from './runs/generator.mjs';
import { inTurns } from './runs/turns.mjs';
import { ratios, table } from './runs/table.mjs';

const SUITES = { websocket, 'long-polling': longPolling, 'callback-polling': callbackPolling, durability, eventsource, goals, trees };

/** Those that measure us alone, each by a function of its name in `NAME/run.mjs`. */
const APART = { writes: true, kept: true };

await main(async () => {
  const { suites, only, runs, secs, speeds, quick } = commandLine();
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => interrupted.abort(new Problem(`ended by ${signal}`)));

  await buildWorker();
  for (const suite of suites.filter((suite) => suite in APART)) {
    const { [suite]: tables } = await import(`./${suite}/run.mjs`);
    console.log(await tables());
  }
  const servers = await loadServers();
  const there = (await servers.cometd.isThere()) ? () => true : (name) => name !== 'cometd';
  for (const [suite, slow] of suites.filter((suite) => suite in SUITES).flatMap((suite) => speeds.map((slow) => [suite, slow]))) {
    const measures = Object.entries(SUITES[suite].measures).filter(([name]) => !only || only.includes(name));
    const results = {};
    for (const [name, measure] of measures) {
      console.error(`\n${suite} ${name}: ${measure.heading}`);
      const once = (name) => {
        const server = servers[name];
        const transport = server.transport ?? SUITES[suite].transport;
        return runLoad(server, { transport, ...measure.load, ...server.load, secs, slow, name, ...(quick && { warm: 1 }) }, interrupted.signal);
      };
      results[name] = await inTurns(measure.servers.filter(there), runs, once, quick);
    }
    console.log(quick ? ratios({ measures, servers, results }) : table({ suite, measures, servers, results, runs, secs, slow }));
  }
});

function commandLine() {
  const { values, positionals } = parse();
  const quick = positionals.includes('quick');
  const suites = quick ? ['goals'] : positionals.length > 0 ? positionals : Object.keys(SUITES);
  const only = values.only?.split(',') ?? (quick ? goals.quick : undefined);
  const speeds = values.slow.split(',').map((text) => count('slow', text, 64, 0));
  for (const suite of suites) if (!SUITES[suite] && !APART[suite]) throw new Problem(`${suite}: one of ${Object.keys({ ...SUITES, ...APART }).join(', ')}`);
  const known = suites.flatMap((suite) => Object.keys(SUITES[suite]?.measures ?? {}));
  for (const name of only ?? []) if (!known.includes(name)) throw new Problem(`--only ${name}: some of ${known.join(',')}`);
  if (quick) return { suites, only, runs: 1, secs: 3, speeds, quick };
  return { suites, only, runs: count('runs', values.runs, 100), secs: count('secs', values.secs, 60), speeds, quick };
}

function parse() {
  const options = { only: { type: 'string' }, runs: { type: 'string', default: '3' }, secs: { type: 'string', default: '10' }, slow: { type: 'string', default: '0' } };
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    throw new Problem(error.message);
  }
}

function count(name, text, most, least = 1) {
  const number = Number(text);
  if (!Number.isInteger(number) || number < least || number > most) throw new Problem(`--${name} ${text}: from ${least} to ${most}`);
  return number;
}

/** After the build: wrangler takes a moment to load. */
async function loadServers() {
  const edge = await import('./servers/bayeux-edge.mjs');
  return {
    'bayeux-edge': edge,
    'at-root': { ...edge, title: `${edge.title} at the root`, startServer: edge.startAtRoot },
    elsewhere: { ...edge, title: `${edge.title} elsewhere`, startServer: edge.startElsewhere },
    ...Object.fromEntries([1, 4, 16].map((trees) => [`trees-${trees}`, { ...edge, title: `${trees} trees`, startServer: edge.startInTrees, load: { trees } }])),
    links: { ...edge, title: `${edge.title}, LINKS=auto`, startServer: edge.startWithLinks },
    strict: { ...edge, title: `${edge.title}, strict`, startServer: edge.startStrict },
    'over-lp': { ...edge, title: `${edge.title} over long-polling`, transport: 'lp' },
    bare: await import('./servers/bare.mjs'),
    cometd: await import('./servers/cometd.mjs'),
    faye: await import('./servers/faye.mjs'),
    floor: await import('./servers/floor.mjs'),
    isolate: await import('./servers/isolate.mjs'),
    partyserver: await import('./servers/partyserver.mjs'),
  };
}
