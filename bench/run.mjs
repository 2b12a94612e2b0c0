// npm run bench [-- long-polling] [--only sat,idle] [--runs 3] [--secs 10]: every measure on every server, in turns; bench/README.md.
import { parseArgs } from 'node:util';
import { buildWorker } from '../scripts/lib/build.mjs';
import { main, Problem } from '../scripts/lib/run.mjs';
import * as longPolling from './measures/long-polling.mjs';
import { runLoad } from './runs/generator.mjs';
import { inTurns } from './runs/turns.mjs';
import { table } from './runs/table.mjs';

const SUITES = { 'long-polling': longPolling };

await main(async () => {
  const { suites, only, runs, secs } = commandLine();
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => interrupted.abort(new Problem(`ended by ${signal}`)));

  await buildWorker();
  const servers = await loadServers();
  for (const suite of suites) {
    const measures = Object.entries(SUITES[suite].measures).filter(([name]) => !only || only.includes(name));
    const results = {};
    for (const [name, measure] of measures) {
      console.error(`\n${suite} ${name}: ${measure.heading}`);
      const once = (server) => runLoad(servers[server], { ...measure.load, secs, name: server }, interrupted.signal);
      results[name] = await inTurns(measure.servers, runs, once);
    }
    console.log(table({ suite, measures, servers, results, runs, secs }));
  }
});

function commandLine() {
  const { values, positionals } = parse();
  const suites = positionals.length > 0 ? positionals : Object.keys(SUITES);
  const only = values.only?.split(',');
  for (const suite of suites) if (!SUITES[suite]) throw new Problem(`${suite}: one of ${Object.keys(SUITES).join(', ')}`);
  const known = suites.flatMap((suite) => Object.keys(SUITES[suite].measures));
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
  return {
    'bayeux-edge': await import('./servers/bayeux-edge.mjs'),
    bare: await import('./servers/bare.mjs'),
    faye: await import('./servers/faye.mjs'),
  };
}
