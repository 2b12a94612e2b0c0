// npm run bench [-- websocket …] [--only sat,idle] [--runs 3] [--secs 10]: every measure on every server, in turns; bench/README.md.
import { parseArgs } from 'node:util';
import { buildWorker } from '../scripts/lib/build.mjs';
import { main, Problem } from '../scripts/lib/run.mjs';
import * as callbackPolling from './measures/callback-polling.mjs';
import * as eventsource from './measures/eventsource.mjs';
import * as durability from './measures/durability.mjs';
import * as longPolling from './measures/long-polling.mjs';
import * as trees from './measures/trees.mjs';
import * as websocket from './measures/websocket.mjs';
import { runLoad } from './runs/generator.mjs';
import { inTurns } from './runs/turns.mjs';
import { table } from './runs/table.mjs';

const SUITES = { websocket, 'long-polling': longPolling, 'callback-polling': callbackPolling, durability, eventsource, trees };

await main(async () => {
  const { suites, only, runs, secs } = commandLine();
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => interrupted.abort(new Problem(`ended by ${signal}`)));

  await buildWorker();
  if (suites.includes('writes')) {
    const { writes } = await import('./writes/run.mjs');
    console.log(await writes());
  }
  const servers = await loadServers();
  for (const suite of suites.filter((suite) => suite !== 'writes')) {
    const measures = Object.entries(SUITES[suite].measures).filter(([name]) => !only || only.includes(name));
    const results = {};
    for (const [name, measure] of measures) {
      console.error(`\n${suite} ${name}: ${measure.heading}`);
      const once = (name) => {
        const server = servers[name];
        const transport = server.transport ?? SUITES[suite].transport;
        return runLoad(server, { transport, ...measure.load, ...server.load, secs, name }, interrupted.signal);
      };
      results[name] = await inTurns(measure.servers, runs, once);
    }
    console.log(table({ suite, measures, servers, results, runs, secs }));
  }
});

function commandLine() {
  const { values, positionals } = parse();
  const suites = positionals.length > 0 ? positionals : Object.keys(SUITES);
  const only = values.only?.split(',');
  for (const suite of suites) if (!SUITES[suite] && suite !== 'writes') throw new Problem(`${suite}: one of ${[...Object.keys(SUITES), 'writes'].join(', ')}`);
  const known = suites.flatMap((suite) => Object.keys(SUITES[suite]?.measures ?? {}));
  for (const name of only ?? []) if (!known.includes(name)) throw new Problem(`--only ${name}: some of ${known.join(',')}`);
  return { suites, only, runs: count('runs', values.runs, 100), secs: count('secs', values.secs, 60) };
}

function parse() {
  const options = { only: { type: 'string' }, runs: { type: 'string', default: '3' }, secs: { type: 'string', default: '10' } };
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    throw new Problem(error.message);
  }
}

function count(name, text, most) {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > most) throw new Problem(`--${name} ${text}: from 1 to ${most}`);
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
    strict: { ...edge, title: `${edge.title}, strict`, startServer: edge.startStrict },
    'over-lp': { ...edge, title: `${edge.title} over long-polling`, transport: 'lp' },
    bare: await import('./servers/bare.mjs'),
    faye: await import('./servers/faye.mjs'),
    floor: await import('./servers/floor.mjs'),
    partyserver: await import('./servers/partyserver.mjs'),
  };
}
