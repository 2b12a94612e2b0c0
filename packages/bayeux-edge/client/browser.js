import { Client } from './client.js';

export { Client };
export { Failed, Lost, Refused } from './errors.js';

/** Opens a connection; `url` may be relative to the page, `/cometd`. */
export function connect(url, options) {
  const client = new Client(new URL(url, globalThis.location?.href).href, options);
  // The browser knows at once that the network has gone.
  globalThis.addEventListener?.('offline', () => client.interrupt());
  globalThis.addEventListener?.('pagehide', () => client.abandon());
  // The browser kept the page while it was left, but the server has let it go: the next connect says so, and it shakes
  // hands again.
  return client;
}
