// cometd.js, in Node and in a browser, for tests of both.
import { adapt } from 'cometd-nodejs-client';
import { browser } from './browser.mjs';
import { CometDClient } from './cometd-client.mjs';
import { clientIn, pageWith } from './page.mjs';
import { until } from './server.mjs';

adapt(); // gives cometd.js the XMLHttpRequest and the WebSocket of a browser

/** Where the reload extension keeps the session: Node has none. */
const kept = new Map();
window.sessionStorage = {
  getItem: (name) => kept.get(name) ?? null,
  setItem: (name, text) => void kept.set(name, text),
  removeItem: (name) => void kept.delete(name),
};

/** Makes clients in this process. */
export const inNode = () => ({
  open: async (options) => new CometDClient(options),
  async reload(client, options) {
    client.reload();
    return new CometDClient(options);
  },
});

/** Makes clients in headless Chromium, each in a browser of its own, on a page of another origin than the server's. */
export async function inChromium() {
  const chromium = await browser();
  const origin = await pageWith('cometd-client.mjs');
  const pages = new Map();
  const clientOn = async (page, options) => {
    const client = await clientIn(page, 'CometDClient', options);
    pages.set(client, page);
    return client;
  };
  return {
    origin,
    open: async (options) => clientOn(await chromium.visit(origin), options),
    /** In another tab of that client's browser. */
    async beside(client, options) {
      const tab = await pages.get(client).context().newPage();
      await tab.goto(origin);
      return clientOn(tab, options);
    },
    async reload(client, options) {
      const page = pages.get(client);
      await client.reload();
      await page.reload();
      return clientOn(page, options);
    },
  };
}

/** What a client has heard, once that are as many messages. */
export async function hears(client, count, patience) {
  let heard = [];
  await until(
    async () => (heard = await client.heard()).length >= count,
    () => `it heard ${heard.length} of ${count} messages`,
    patience,
  );
  return heard;
}

/** The first meta message of a channel that passes a test, once there is one. */
export const sees = (client, channel, test, what) =>
  until(async () => (await client.meta()).find((message) => message.channel === channel && test(message)), what);

/** Once the first connect is answered; the next one is held then. */
export const settles = (client) => sees(client, '/meta/connect', ({ successful }) => successful, 'it does not connect');
