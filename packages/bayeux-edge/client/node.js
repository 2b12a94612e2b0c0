import { adapt } from 'cometd-nodejs-client';
import { Client } from './client.js';

export { Client };
export { Failed, Lost, Refused } from './errors.js';

// Gives cometd.js the XMLHttpRequest and the WebSocket of a browser, as globals of that name.
adapt();

/** Opens a connection to `http://localhost:8787/cometd`. */
export const connect = (url, options) => new Client(url, options);
