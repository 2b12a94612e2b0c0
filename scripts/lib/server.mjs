// The built Worker on workerd itself: what `npm run serve`, `npm run fixture`, the end-to-end tests and the benchmarks
// use.
//
// miniflare (wrangler's own) makes workerd's configuration from wrangler.toml: bindings, vars, assets, storage.
// Requests then go from the socket straight into the Worker: neither a Node process nor miniflare's routing Workers are
// between.
import { AsyncLocalStorage } from 'node:async_hooks';
import { existsSync } from 'node:fs';
import { subscribe } from 'node:diagnostics_channel';
import { dirname, join } from 'node:path';
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare';
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from 'wrangler';
import { MODULES, outDir } from './build.mjs';
import { entryModule, ENTRYPOINT } from './entry.mjs';
import { FIXTURE_VARS } from './fixture.mjs';
import { guard } from './guard.mjs';
import { inRoot } from './project.mjs';
import { Problem } from './run.mjs';

const HOST = '127.0.0.1';

/**
 * Starts the last build of the Worker (scripts/build.mjs), on a free port if none is given.
 *
 * `persistTo` keeps the objects' storage as `wrangler dev --persist-to` does; without it the storage ends with the
 * server. `vars` override those of wrangler.toml, and `workerFirst` its `run_worker_first`. `log({ level, message })`
 * gets the Worker's console; without it `logs` collects. `beside` are other Workers,
 * `{ name, script, vars, services }`, each on a free port of its own. `services` are service bindings to Workers by
 * their names, of which the server's is `SERVER`. `ratelimits` are rate limiters that are bound, and `kv` namespaces of
 * Workers KV.
 *
 * Returns `{ url, urls, port, pid, logs, ended, inspector(), evict(home, webSockets), stop() }`: `urls` has those of
 * the Workers beside, by their names; `pid` is workerd's; `inspector()` is the address of V8's inspector, if the server
 * was to be `inspected`; `ended` resolves when workerd has ended for whatever reason, so that after a SIGKILL the same
 * port and `persistTo` can be used again; `evict` puts the object of a home out of memory, as the platform may at any
 * time, and its sockets `hibernate` or `close`. Whoever reaches its port may do so: for tests, where it is `evictable`.
 */
export async function startServer({ fixture = false, port = 0, persistTo, vars = {}, workerFirst, services, ratelimits, kv, beside = [], log, inspected = false, evictable = true } = {}) {
  const logs = [];
  const workerd = {};
  const miniflare = starting.run(
    workerd,
    () =>
      new Miniflare(
        convertV4MiniflareOptions({
          ...storage(persistTo),
          workers: [worker({ fixture, port, vars, workerFirst, services, ratelimits, kv }), ...(evictable ? [EVICTOR] : []), ...beside.map(workerBeside)],
          log: new Log(LogLevel.WARN),
          logRequests: false,
          ...(inspected && { inspectorPort: 0 }),
          cf: false, // no look-up of this machine's place in the world
          handleStructuredLogs: log ?? ((line) => logs.push(line)),
        }),
      ),
  );
  try {
    await miniflare.ready;
  } catch (error) {
    await Promise.allSettled([miniflare.dispose()]); // rejects with the same error
    throw new Problem(`workerd did not start on port ${port}: ${error.message}`);
  }
  const child = workerd.process;
  const callOff = guard(child.pid);
  const ended = Promise.withResolvers();
  let disposal; // miniflare can be disposed of only once
  const dispose = () => (disposal ??= miniflare.dispose().then(callOff).then(ended.resolve, ended.reject));
  // At once, or miniflare would start a killed workerd again, on the port that the next server is to have.
  child.once('exit', dispose);
  const { origin, port: bound } = await miniflare.unsafeGetDirectURL(NAME, ENTRYPOINT);
  const evictor = evictable && (await miniflare.unsafeGetDirectURL(EVICTOR.name));
  const urls = {};
  for (const { name } of beside) urls[name] = (await miniflare.unsafeGetDirectURL(name)).origin;
  return {
    url: origin,
    urls,
    port: Number(bound),
    pid: child.pid,
    logs,
    ended: ended.promise,
    inspector: () => miniflare.getInspectorURL(),
    async evict(home, webSockets) {
      const answer = await fetch(evictor, { method: 'POST', body: JSON.stringify({ home, webSockets }) });
      if (!answer.ok) throw new Problem(`${home} cannot be evicted: ${await answer.text()}`);
    },
    async stop() {
      dispose();
      await ended.promise;
    },
  };
}

const CONFIG = inRoot('wrangler.toml');
const { name: NAME, compatibility_date: COMPATIBILITY_DATE } = unstable_readConfig({ config: CONFIG });

/** The server's name among Workers. */
export const SERVER = NAME;

function worker({ fixture, port, vars, workerFirst, services, ratelimits, kv }) {
  const directory = inRoot(outDir(fixture));
  if (!existsSync(join(directory, 'index_bg.wasm')))
    throw new Problem(`Nothing is built in ${directory}.\n  Run: npm run build${fixture ? ' -- --fixture' : ''}`);
  const { modulesRules, ...settings } = unstable_getMiniflareWorkerOptions(CONFIG).workerOptions;
  return {
    ...settings,
    name: NAME,
    modulesRoot: directory,
    modules: [
      { type: 'ESModule', path: join(directory, 'serve.js'), contents: entryModule({ ...settings.assets, ...(workerFirst && { run_worker_first: workerFirst }) }) },
      ...MODULES.map((name) => ({ type: 'ESModule', path: join(directory, name) })),
      { type: 'ESModule', path: join(directory, 'index.js') },
      { type: 'CompiledWasm', path: join(directory, 'index_bg.wasm') },
    ],
    bindings: { ...settings.bindings, ...(fixture && FIXTURE_VARS), ...vars },
    serviceBindings: { ...settings.serviceBindings, ...services },
    ...(ratelimits && { ratelimits }),
    ...(kv && { kvNamespaces: kv }),
    unsafeDirectSockets: [{ host: HOST, port, entrypoint: ENTRYPOINT }],
  };
}

const EVICTOR = {
  name: 'evictor',
  modules: true,
  scriptPath: inRoot('scripts', 'lib', 'evictor.mjs'),
  compatibilityDate: COMPATIBILITY_DATE,
  compatibilityFlags: ['unsafe_module'],
  durableObjects: { TREES: { className: 'ChannelTree', scriptName: NAME } },
  unsafeDirectSockets: [{ host: HOST, port: 0 }],
};

function workerBeside({ name, script, vars = {}, services = {} }) {
  return {
    name,
    modulesRoot: dirname(script),
    modules: [{ type: 'ESModule', path: script }],
    compatibilityDate: COMPATIBILITY_DATE,
    bindings: vars,
    serviceBindings: services,
    unsafeDirectSockets: [{ host: HOST, port: 0 }],
  };
}

// Where wrangler dev has it, so that either can take up what the other kept.
const storage = (persistTo) => (persistTo ? { resourcePersistencePath: join(persistTo, 'v3') } : {});

// miniflare does not tell workerd's process: Node does, of every process as it is made.
const starting = new AsyncLocalStorage();
subscribe('child_process', ({ process: child }) => {
  const workerd = starting.getStore();
  if (workerd) workerd.process = child;
});
