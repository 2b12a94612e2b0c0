// cometd.js in headless Chromium, on pages of another origin than the server's.
import { inChromium } from './support/cometd.mjs';
import { talks } from './support/cometd-talks.mjs';
import { network } from './support/network.mjs';
import { fixture } from './support/server.mjs';

const runtime = await inChromium();
const server = await fixture({ ALLOWED_ORIGINS: runtime.origin });
const line = await network(server.port);
for (const transport of ['long-polling', 'websocket', 'callback-polling']) talks({ name: 'Chromium', runtime, server, line, transport });
