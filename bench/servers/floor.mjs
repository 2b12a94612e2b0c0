// The floor under every Bayeux server on this platform.
import { inRoot } from '../../scripts/lib/project.mjs';
import { startWorkerd } from './workerd.mjs';

export const title = 'the floor';
export const adapters = { lp: 'bayeux', ws: 'bayeux' };

export async function startServer() {
  const server = await startWorkerd(inRoot('bench', 'servers', 'floor', 'config.capnp'), title);
  return { ...server, url: `${server.url}cometd` };
}
