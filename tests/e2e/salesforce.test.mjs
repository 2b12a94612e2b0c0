// Replay with the clients of Salesforce's users: Faye with jsforce's extension, and cometd.js with the extension of
// Salesforce's guide. Those for Python and Java are in tests/clients.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CometD } from 'cometd';
import { adapt } from 'cometd-nodejs-client';
import faye from 'faye';
import { join } from './support/bayeux.mjs';
import { fixture, until } from './support/server.mjs';

adapt();
const server = await fixture();
const url = `${server.url}/cometd`;

async function say(channel, ...numbers) {
  const alice = await join(url);
  for (const n of numbers) await alice.publish(channel, { n });
}

/**
 * What both extensions do: the handshake's reply says whether there is replay, the subscribe says from where, and each
 * event moves that on.
 */
class SalesforceReplay {
  #channel;
  #offered = false;

  constructor(channel, from) {
    this.#channel = channel;
    this.from = from;
  }

  incoming(message) {
    if (message.channel === '/meta/handshake') this.#offered = message.ext?.replay === true;
    if (message.channel === this.#channel && message.data?.event?.replayId) this.from = message.data.event.replayId;
    return message;
  }

  outgoing(message) {
    if (message.channel !== '/meta/subscribe' || !this.#offered) return message;
    return { ...message, ext: { ...message.ext, replay: { [this.#channel]: this.from } } };
  }
}

const CLIENTS = {
  async 'cometd.js'(channel, extension) {
    const heard = [];
    const cometd = new CometD();
    cometd.registerExtension('replay', extension);
    cometd.configure({ url, logLevel: 'error' });
    const reply = await new Promise((resolve) =>
      cometd.handshake(({ successful }) => successful && cometd.subscribe(channel, ({ data }) => heard.push(data), resolve)));
    return { heard, error: reply.error, close: () => new Promise((resolve) => cometd.disconnect(resolve)) };
  },
  async "Faye, as jsforce's"(channel, extension) {
    const heard = [];
    const client = new faye.Client(url);
    const passing = (name) => (message, pass) => pass(extension[name](message));
    client.addExtension({ incoming: passing('incoming'), outgoing: passing('outgoing') });
    const error = await client.subscribe(channel, (data) => heard.push(data)).then(() => undefined, ({ code, params, message }) => `${code}:${params}:${message}`);
    return { heard, error, close: () => client.disconnect() };
  },
};

for (const [at, [name, open]] of Object.entries(CLIENTS).entries())
  test(`${name}: all kept events, those after a replay id, new ones, and a replay id that is not kept`, async () => {
    const channel = `/hist/salesforce-${at}`;
    await say(channel, 1, 2);
    const replay = new SalesforceReplay(channel, -2);
    const numbers = ({ heard }) => heard.map(({ n }) => n);
    const hears = (client, wanted) => until(() => client.heard.length >= wanted.length, () => JSON.stringify(client.heard)).then(() => assert.deepEqual(numbers(client), wanted));

    const first = await open(channel, replay);
    await say(channel, 3);
    await hears(first, [1, 2, 3]);
    for (const { event } of first.heard) assert.match(event.createdDate, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal(replay.from, first.heard[2].event.replayId);
    await first.close();

    await say(channel, 4, 5);
    const second = await open(channel, new SalesforceReplay(channel, replay.from));
    await hears(second, [4, 5]);
    await second.close();

    const fresh = await open(channel, new SalesforceReplay(channel, -1));
    await say(channel, 6);
    await hears(fresh, [6]);
    await fresh.close();

    const late = await open(channel, new SalesforceReplay(channel, 82));
    assert.equal(late.error, `400:${channel},82:replay_id_not_kept`);
    await late.close();
  });
