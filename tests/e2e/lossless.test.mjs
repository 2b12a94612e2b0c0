// A client with ack or with replay loses no event: its connections break at random, requests and responses are lost,
// and every event still arrives once, in order. BAYEUX_SEED=N repeats the same failures, as far as the timing allows.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { describe, test } from 'node:test';
import { CometD } from 'cometd';
import faye from 'faye';
import { Replay } from '../../public/js/replay.js';
import { events, join } from './support/bayeux.mjs';
import { hears, inNode } from './support/cometd.mjs';
import { request } from './support/http.mjs';
import { mishaps, random } from './support/mishaps.mjs';
import { network } from './support/network.mjs';
import { fixture, until } from './support/server.mjs';
import { Socket } from './support/websocket.mjs';

const EVENTS = 1000;
/** So many are said before all of them must have been heard: the mishaps are spread over the whole conversation. */
const TOGETHER = 25;
const BATCH = 5;
/** One piece in so many meets with a mishap. */
const RARITY = 5;
/** Enough for ten mishaps in a row, on a machine with more to do than it can. */
const TIMEOUT = 90_000; // ms

const seed = Number(process.env.BAYEUX_SEED ?? randomInt(2 ** 32));
// A session must live while its client runs into one mishap after the other.
const server = await fixture({ MAX_INTERVAL: '30000' });
const publisher = await join(`${server.url}/cometd`);

/**
 * Says `EVENTS` numbers to one who listens behind a bad line: `hears(count)` resolves with all that came, once it is as
 * many.
 */
async function say(channel, hears) {
  for (let at = 0; at < EVENTS; at += TOGETHER) {
    for (let from = at; from < at + TOGETHER; from += BATCH) {
      const batch = Array.from({ length: BATCH }, (_, more) => ({ channel, data: from + more }));
      await publisher.ok(publisher.send(...batch));
    }
    await hears(at + TOGETHER);
  }
  assert.deepEqual(await hears(EVENTS), Array.from({ length: EVENTS }, (_, at) => at));
}

/** A line that is good until it `breaks`, and again once it `heals`. */
async function badLine() {
  const { mishap, counts } = mishaps(random(seed), RARITY);
  let good = true;
  const line = await network(server.port, (piece) => (good ? undefined : mishap(piece)));
  return { url: `${line.url}/cometd`, counts, breaks: () => (good = false), heals: () => (good = true) };
}

/** Enough must have happened for the test to say something, of every kind. */
function check(t, counts) {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  t.diagnostic(`${total} mishaps: ${JSON.stringify(counts)}`);
  assert.ok(total >= 25 && Object.keys(counts).length >= 8, 'too few of them');
}

/** Sends messages again and again, until the answer comes: a request each. */
const byRequests = (url, signal) => (messages) =>
  persist(signal, async () => {
    const { status, json } = await request(url, { headers: { 'content-type': 'application/json' }, body: JSON.stringify(messages) });
    return status === 200 ? json : undefined;
  });

/** The same over a socket, and over another one where that is gone. */
function bySockets(url, signal) {
  let socket;
  return (messages) =>
    persist(signal, async () => {
      socket ??= await Socket.open(url);
      const gone = socket.closed.then(() => (socket = undefined));
      return Promise.race([socket.ask(...messages), gone]);
    });
}

/** Until something comes of it, whatever breaks in between. Nothing, once nobody waits for it any more. */
async function persist(signal, attempt) {
  while (!signal.aborted) {
    const outcome = await attempt().catch(() => undefined);
    if (outcome !== undefined) return outcome;
  }
}

// Each of them mostly waits, to try again: side by side they take no longer than one.
describe(`a client with the ack extension loses no event, seed ${seed}`, { concurrency: true }, () => {
  for (const transport of ['long-polling', 'websocket'])
    test(`cometd.js over ${transport}`, async (t) => {
      const line = await badLine();
      const client = await inNode().open({ url: line.url, transports: [transport], extensions: ['ack'] });
      await client.handshake();
      await client.subscribe(`/cometd/${transport}`);
      const clientId = client.clientId();
      line.breaks();
      await say(`/cometd/${transport}`, async (count) => (await hears(client, count, TIMEOUT)).map(([, data]) => data));
      assert.equal(client.clientId(), clientId, 'it is the same session');
      await client.disconnect();
      check(t, line.counts);
    });

  for (const [transport, by] of [['long-polling', byRequests], ['websocket', bySockets]])
    test(`one that sends its connect again until it is answered, over ${transport}`, async (t) => {
      const line = await badLine();
      const subscriber = await join(`${server.url}/cometd`, { handshake: { ext: { ack: true } } });
      await subscriber.ok(subscriber.subscribe(`/raw/${transport}`));
      const over = new AbortController();
      const send = by(line.url, over.signal);
      line.breaks();
      const heard = [];
      let ack = 0;
      const listening = (async () => {
        for (;;) {
          const answer = await send([subscriber.signed({ channel: '/meta/connect', connectionType: transport, ext: { ack } })]);
          if (!answer) return;
          const reply = answer.find(({ channel }) => channel === '/meta/connect');
          assert.equal(reply.successful, true, JSON.stringify(reply));
          ack = reply.ext.ack;
          heard.push(...events(answer).map(({ data }) => data));
        }
      })();
      const hears = (count) => until(() => heard.length >= count && heard, () => `it heard ${heard.length} of ${count}`, TIMEOUT);
      try {
        await Promise.race([say(`/raw/${transport}`, hears), listening]);
      } finally {
        over.abort();
      }
      await listening;
      check(t, line.counts);
    });
});

/** Clients with the replay extension, and without that of acks: what they hear, in their own words. */
const REPLAYING = {
  'cometd.js': async ({ url, transport, extension, channel, hear }) => {
    const cometd = new CometD();
    for (const type of cometd.getTransportTypes()) if (type !== transport) cometd.unregisterTransport(type);
    cometd.configure({ url, logLevel: 'error', backoffIncrement: 100, maxBackoff: 300 });
    cometd.registerExtension('replay', extension);
    await new Promise((resolve) =>
      cometd.handshake(({ successful }) => successful && cometd.subscribe(channel, ({ data }) => hear(data), resolve)));
    return { clientId: () => cometd.getClientId(), disconnect: () => new Promise((resolve) => cometd.disconnect(resolve)) };
  },
  Faye: async ({ url, transport, extension, channel, hear }) => {
    const client = new faye.Client(url, { retry: 0.2 }); // seconds
    client.disable('eventsource');
    if (transport === 'long-polling') client.disable('websocket'); // it shakes hands by polls in any case
    client.addExtension(extension);
    await client.subscribe(channel, hear);
    await until(() => client._dispatcher.connectionType === transport, 'it uses another transport');
    return { clientId: () => client._dispatcher.clientId, disconnect: () => client.disconnect() };
  },
};

describe(`a client with replay and without ack loses no event, seed ${seed}`, { concurrency: true }, () => {
  for (const [name, open] of Object.entries(REPLAYING))
    for (const transport of ['long-polling', 'websocket'])
      test(`${name} over ${transport}`, async (t) => {
        const line = await badLine();
        const channel = `/hist/${name.replace('.', '-')}-${transport}`;
        const heard = [];
        const missed = [];
        const extension = new Replay({ onMissed: (name) => missed.push(name) });
        const client = await open({ url: line.url, transport, extension, channel, hear: (data) => heard.push(data) });
        const clientId = client.clientId();
        line.breaks();
        await say(channel, (count) => until(() => heard.length >= count && heard, () => `it heard ${heard.length} of ${count}`, TIMEOUT));
        assert.equal(client.clientId(), clientId, 'it is the same session');
        assert.deepEqual(missed, []);
        // Faye sends a disconnect again whose answer is lost, and fails where the session has ended by then.
        line.heals();
        await client.disconnect();
        check(t, line.counts);
      });
});
