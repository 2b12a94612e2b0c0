// node bench/application.mjs, after `npm run package`: what a service costs in TypeScript, in the same Worker, beside
// one in src/app.rs.
//
// One Worker has both, on workerd itself, and the client takes turns: whatever else the machine does, it does to both.
// The CPU time is the whole process's, HTTP included.
import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { build } from 'esbuild';
import { inRoot } from '../scripts/lib/project.mjs';
import { PACKAGE } from '../scripts/lib/package.mjs';
import { join } from '../tests/e2e/support/bayeux.mjs';

const WORKER = `
import { bayeux, BayeuxApplication, ChannelTree as Tree } from 'bayeux-edge';
export default bayeux();
export class ChannelTree extends Tree {}
export class Application extends BayeuxApplication {
  service = { typescript: ({ data }) => data };
}
`;

const ROUNDS = 5;
const CALLS = 300;
const BATCH = 100;
const TICK = 10; // ms of a clock tick in /proc (USER_HZ)

const folder = await mkdtemp(path(tmpdir(), 'bayeux-bench-'));
const server = await worker();
try {
  const client = await join(`${server.url}/cometd`);
  const kinds = { 'app.rs': 'echo', TypeScript: 'typescript' };
  const call = (service) => client.call(`/service/${service}`, 1);
  const batch = (service) => client.ok(client.send(...Array.from({ length: BATCH }, () => ({ channel: `/service/${service}`, data: 1 }))));
  for (const service of Object.values(kinds)) for (let n = 0; n < 200; n++) await call(service);
  const results = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, { wait: [], cpu: [], batch: [] }]));
  for (let round = 0; round < ROUNDS; round++)
    for (const [kind, service] of Object.entries(kinds)) {
      const { wait, cpu, batch: batches } = results[kind];
      const before = cpuTime();
      for (let n = 0; n < CALLS; n++) wait.push(await timed(() => call(service)));
      cpu.push((cpuTime() - before) / CALLS);
      for (let n = 0; n < 10; n++) batches.push(await timed(() => batch(service)));
    }
  for (const [kind, { wait, cpu, batch: batches }] of Object.entries(results))
    console.log(`${kind}: a call ${median(wait)} ms, ${median(cpu)} ms of CPU; ${BATCH} in one request ${median(batches)} ms`);
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}

async function worker() {
  await mkdir(path(folder, 'node_modules'));
  await cp(PACKAGE, path(folder, 'node_modules/bayeux-edge'), { recursive: true });
  const index = path(folder, 'node_modules/bayeux-edge/index.js');
  await writeFile(index, readFileSync(index, 'utf8').replace("EXAMPLES: 'false'", "EXAMPLES: 'true'"));
  await writeFile(path(folder, 'worker.js'), WORKER);
  const out = path(folder, 'out');
  await build({ entryPoints: [path(folder, 'worker.js')], bundle: true, format: 'esm', outdir: out, external: ['*.wasm', 'cloudflare:*'], logLevel: 'error' });
  await cp(path(PACKAGE, 'worker/index_bg.wasm'), path(out, 'index_bg.wasm'));
  const { convertV4MiniflareOptions, Miniflare } = await import('miniflare');
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      workers: [
        {
          name: 'bench',
          modulesRoot: out,
          modules: [
            { type: 'ESModule', path: path(out, 'worker.js') },
            { type: 'CompiledWasm', path: path(out, 'index_bg.wasm') },
          ],
          compatibilityDate: '2026-11-01',
          compatibilityFlags: ['enable_request_signal'],
          durableObjects: { CHANNEL_TREE: { className: 'ChannelTree', useSQLite: true } },
          unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
        },
      ],
    }),
  );
  await miniflare.ready;
  const { origin } = await miniflare.unsafeGetDirectURL('bench');
  return { url: origin, stop: () => miniflare.dispose() };
}

/** Of this process' children, workerd: ms. */
function cpuTime() {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim().split(' ');
  return children.reduce((sum, pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 13).map(Number);
    return sum + (user + system) * TICK;
  }, 0);
}

async function timed(work) {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1].toFixed(2);
}
