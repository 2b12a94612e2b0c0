// This server: the release build, on workerd itself.
import { startServer as serve } from '../../scripts/lib/server.mjs';

export const title = 'bayeux-edge';
export const adapters = { lp: 'bayeux', cb: 'bayeux', es: 'bayeux', ws: 'bayeux' };

// All the clients have one address here.
const VARS = { CLIENT_MAX_CONNECTIONS: '32768' };

export async function startServer() {
  const server = await serve({ vars: VARS });
  return { ...server, url: `${server.url}/cometd` };
}
