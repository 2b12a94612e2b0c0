// This server: the release build, on workerd itself.
import { startServer as serve } from '../../scripts/lib/server.mjs';

export const title = 'bayeux-edge';
export const adapters = { lp: 'bayeux', cb: 'bayeux', es: 'bayeux', ws: 'bayeux' };

// All the clients have one address here, and trees of their own.
const VARS = {
  CLIENT_MAX_CONNECTIONS: '32768',
  TREES: '/**',
  CONNECTION_TYPES: 'websocket eventsource long-polling callback-polling',
  LINKS: 'never',
};

/**
 * Its clients are at home in the tree that they use (`/bench/a` is the default channel): one object does all, as with
 * others.
 */
export const startServer = () => startAt('/cometd/bench');

/** Its clients are at home at the root: what they publish goes to the tree's owner and back. */
export const startAtRoot = () => startAt('/cometd');

/** Its clients are at home in another tree than the one they use. */
export const startElsewhere = () => startAt('/cometd/elsewhere');

/** Each client is at home in the tree of its room. */
export const startInTrees = () => startAt('/cometd/tTREE');

/** With the Worker holding the polls. */
export const startWithLinks = () => startAt('/cometd/bench', { LINKS: 'auto' });

export const startStrict = () => startAt('/cometd/bench', { DURABILITY: 'strict' });

async function startAt(path, vars = {}) {
  const server = await serve({ evictable: false, vars: { ...VARS, ...vars } });
  return { ...server, url: server.url + path };
}
