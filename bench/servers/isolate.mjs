// A Worker without an object: the floor under polls that the Worker holds.
import { inRoot } from '../../scripts/lib/project.mjs';
import { startWorkerd } from './workerd.mjs';

export const title = 'Worker without an object';
export const adapters = { lp: 'bayeux' };

export async function startServer() {
  const server = await startWorkerd(inRoot('bench', 'servers', 'isolate', 'config.capnp'), title);
  return { ...server, url: `${server.url}cometd` };
}
