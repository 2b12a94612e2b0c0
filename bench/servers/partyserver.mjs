// partyserver, bundled as its users' Workers are.
import { esbuild } from '../../scripts/lib/npm.mjs';
import { inRoot } from '../../scripts/lib/project.mjs';
import { run } from '../../scripts/lib/run.mjs';
import { startWorkerd } from './workerd.mjs';

export const title = 'partyserver';
export const adapters = { ws: 'party' };

const folder = (name) => inRoot('bench', 'servers', 'partyserver', name);

export async function startServer() {
  const outfile = inRoot('build', 'bench', 'partyserver.js'); // config.capnp takes it from there
  await run(esbuild(), [folder('worker.js'), '--bundle', '--format=esm', '--external:cloudflare:workers', '--log-level=warning', `--outfile=${outfile}`]);
  return startWorkerd(folder('config.capnp'), title);
}
