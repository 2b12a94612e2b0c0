// Clients with homes in different objects, and channels in trees that others own.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { describe, test } from 'node:test';
import { startServer } from '../../scripts/lib/server.mjs';
import { Network } from '../faults/network.mjs';
import { events, join, post } from './support/bayeux.mjs';
import { hears, inNode } from './support/cometd.mjs';
import { EventStream } from './support/event-stream.mjs';
import { fixture, until, withFixture } from './support/server.mjs';
import { Socket } from './support/websocket.mjs';

/** A client at an address of its own: that decides its home. */
const at = (n) => ({ headers: { 'cf-connecting-ip': `10.0.0.${n}` } });
const homeOf = (client) => client.clientId.slice(0, -22);

/** Clients that are at home in so many different objects. */
async function apart(url, count) {
  const homes = new Map();
  for (let n = 1; homes.size < count; n += 1) {
    const client = await join(url, at(n));
    if (!homes.has(homeOf(client))) homes.set(homeOf(client), client);
  }
  return [...homes.values()];
}

/** Everything that comes to a client until it has heard `count` events. */
async function hear(client, count) {
  const heard = [];
  for (const deadline = Date.now() + 60_000; heard.length < count; heard.push(...(await client.poll())))
    assert.ok(Date.now() < deadline, `it heard ${heard.length} of ${count}`);
  return heard;
}

/** Whether a batch was taken, every message of it. */
async function taken(url, messages) {
  const { status, json } = await post(url, messages).catch(() => ({}));
  return status === 200 && messages.every(({ id }) => json.some((reply) => reply.id === id && reply.successful));
}

const PATIENT = { TIMEOUT: '5000', MAX_INTERVAL: '60000', CLIENT_MAX_CONNECTIONS: '10000' };

const { url, evict } = await fixture({ ...PATIENT, HOMES: 'sharded:8' });
const cometd = `${url}/cometd`;

describe('over eight homes', () => {
  test('clients of all homes receive each event once, in trees that are the home of none of them', async () => {
    const clients = await apart(cometd, 8);
    await Promise.all(clients.map((client) => client.ok(client.subscribe(['/room/1', '/room/*', '/other/1']))));
    const speaker = await join(cometd, at(99));
    await speaker.ok(speaker.publish('/room/1', 'one'));
    await speaker.ok(speaker.publish('/other/1', 'two'));
    for (const client of clients) assert.deepEqual((await hear(client, 2)).sort(), ['one', 'two']);
  });

  test('a pattern that spans trees receives events of every tree, and of new ones', async () => {
    const [one, two, three] = await apart(cometd, 3);
    const own = await join(`${cometd}/garden`);
    await one.ok(one.subscribe('/**'));
    await own.ok(own.subscribe('/**'));
    await two.ok(two.publish('/garden/tree', 1));
    await three.ok(three.publish('/never/used/before', 2));
    await three.ok(three.publish('/shed', 3));
    for (const client of [one, own]) assert.deepEqual(await hear(client, 3), [1, 2, 3]);
    await one.ok(one.send({ channel: '/meta/unsubscribe', subscription: '/**' }));
    await two.ok(two.publish('/garden/tree', 4));
    assert.deepEqual(await hear(own, 1), [4]);
    assert.deepEqual(await one.poll({ advice: { timeout: 0 } }), []);
  });

  test('a publisher gets its own event before the reply, though another object owns the channel', async () => {
    const [client] = await apart(cometd, 1);
    const batch = [{ channel: '/meta/subscribe', subscription: '/echo/x' }, { channel: '/echo/x', data: 'hi' }];
    const [event, subscribed, published] = await client.ok(client.send(...batch));
    assert.deepEqual([event.data, subscribed.channel, published.channel], ['hi', '/meta/subscribe', '/echo/x']);
  });

  test('an owner and homes that were evicted know their subscribers', async () => {
    const [one, two] = await apart(cometd, 2);
    await one.ok(one.subscribe('/kept/1'));
    for (const home of ['/kept', ...[one, two].map((client) => `@${Number(homeOf(client).slice(1))}`)]) await evict(home, 'hibernate');
    await two.ok(two.publish('/kept/1', 'still there'));
    assert.deepEqual(await hear(one, 1), ['still there']);
  });

  test('a client whose address changes keeps its session, on every transport', async () => {
    const [one, two] = await apart(cometd, 2);
    await one.ok(one.subscribe('/moved/1'));
    const signed = (message) => ({ ...message, clientId: one.clientId });
    const connect = { channel: '/meta/connect', connectionType: 'long-polling' };

    await two.ok(two.publish('/moved/1', 'by long-polling'));
    const { json } = await post(cometd, [signed(connect)], at(250));
    assert.deepEqual(events(json).map(({ data }) => data), ['by long-polling']);

    // A socket has no such header here, and so comes to a home of its own.
    const socket = await Socket.open(cometd);
    await two.ok(two.publish('/moved/1', 'by WebSocket'));
    const frame = await socket.ask(signed({ ...connect, connectionType: 'websocket', advice: { timeout: 0 } }));
    assert.deepEqual(events(frame).map(({ data }) => data), ['by WebSocket']);
    socket.send([signed({ ...connect, connectionType: 'websocket', id: 'held' })]);
    await two.ok(two.publish('/moved/1', 'pushed'));
    assert.deepEqual(events(await socket.next()).map(({ data }) => data), ['pushed']);
    await socket.close(1000);

    const stream = await EventStream.open(`${cometd}/${one.clientId}`);
    await two.ok(two.publish('/moved/1', 'by eventsource'));
    await until(() => stream.events.length > 0, 'nothing comes');
    assert.deepEqual(stream.events.flat().map(({ data }) => data), ['by eventsource']);
    stream.cut();
    assert.equal(await one.lives(), true);
  });

  test('a clientId of a home that never existed is an unknown session', async () => {
    for (const code of ['s07', 'gzzz', 'g000', 'x']) {
      const [reply] = (await post(cometd, [{ channel: '/meta/connect', connectionType: 'long-polling', clientId: `${code}${'0'.repeat(22)}` }])).json;
      assert.equal(reply.error, '402::session_unknown', code);
      assert.equal(reply.advice.reconnect, 'handshake');
    }
  });

  test('cometd.js talks over long-polling and WebSocket, across homes', async () => {
    const node = inNode();
    const clients = await Promise.all(
      ['long-polling', 'websocket', 'long-polling'].map((transport, n) =>
        node.open({ url: n === 2 ? `${cometd}/tea` : cometd, transports: [transport] }),
      ),
    );
    for (const client of clients) await client.handshake();
    for (const client of clients) await client.subscribe('/tea/time');
    for (const [n, client] of clients.entries()) await client.publish('/tea/time', n);
    for (const client of clients) assert.deepEqual((await hears(client, 3)).map(([, data]) => data).sort(), [0, 1, 2]);
    for (const client of clients) await client.disconnect();
  });
});

test('10,000 messages in three trees reach cometd.js at eight homes in one order, though every object is evicted meanwhile', { timeout: 120_000 }, () =>
  withFixture({ ...PATIENT, MAX_QUEUE: '20000' }, async (server) => {
    const network = await Network.open();
    network.leadTo(server.port);
    const { url } = network;
    const trees = ['/red', '/green', '/blue'];
    const homes = ['', '/red', '/green', '/a', '/b', '/c', '/d', '/e']; // '' is the root
    const node = inNode();
    const clients = await Promise.all(
      homes.map((home, n) =>
        node.open({ url: `${url}/cometd${home}`, transports: [n % 2 ? 'websocket' : 'long-polling'], extensions: ['ack'] }),
      ),
    );
    for (const client of clients) await client.handshake();
    for (const [n, client] of clients.entries())
      for (const pattern of n % 3 ? ['/**'] : ['/red/**', '/green/*', '/blue/room']) await client.subscribe(pattern);

    const [count, batch] = [10_000, 100];
    let said = 0;
    const publish = async (path, name) => {
      const publisher = await join(`${url}${path}`);
      for (let n = 0; said < count; n += 1) {
        said += batch;
        const message = (_, place) => {
          const data = [name, n * batch + place];
          return publisher.signed({ channel: `${trees[place % 3]}/room`, data, ext: { idempotencyKey: data.join() } });
        };
        const messages = Array.from({ length: batch }, message);
        // cometd.js gives up what its object was evicted under; this one says the same again.
        await until(() => taken(`${url}${path}`, messages), 'it is not taken', 30_000);
      }
    };
    const evicting = async () => {
      const objects = [...homes.map((home) => home || '/'), '/blue'];
      for (const [n, object] of objects.entries()) {
        await until(() => said >= ((n + 1) * count) / (objects.length + 1), 'nothing is said', 60_000);
        await network.evict(server, object, 'hibernate');
      }
    };
    const hearing = clients.map((client) => hears(client, count, 90_000));
    await Promise.all([publish('/cometd', 0), publish('/cometd/red', 1), publish('/cometd/f', 2), evicting()]);
    const [first, ...others] = await Promise.all(hearing);
    assert.equal(first.length, count);
    assert.equal(new Set(first.map(String)).size, count, 'each once');
    for (const tree of trees) {
      const of = (heard) => heard.filter(([channel]) => channel === `${tree}/room`).map(([, data]) => data);
      const order = of(first);
      for (const other of others) assert.deepEqual(of(other), order);
      for (const name of [0, 1, 2]) {
        const own = order.filter(([by]) => by === name).map(([, n]) => n);
        assert.deepEqual(own, own.toSorted((a, b) => a - b), 'in the order in which it was published');
      }
    }
    for (const client of clients) await client.disconnect();
    network.close();
  }));

test('the home of a client is in its part of the world', () =>
  withFixture({ HOMES: 'regional:2', REGION_HEADER: 'x-continent' }, async ({ url }) => {
    const codes = new Map();
    for (const continent of ['EU', 'AS', 'SA', 'OC']) {
      const client = await join(`${url}/cometd`, { headers: { 'x-continent': continent } });
      codes.set(homeOf(client).slice(0, 2), client);
      await client.ok(client.subscribe('/world'));
    }
    assert.equal(codes.size, 4);
    const speaker = await join(`${url}/cometd`);
    await speaker.ok(speaker.publish('/world', 'hello'));
    for (const client of codes.values()) assert.deepEqual(await hear(client, 1), ['hello']);
  }));

test('past RELAY_FANOUT one home of a region relays events to the others', () =>
  withFixture({ ...PATIENT, HOMES: 'regional:4', RELAY_FANOUT: '2', REGION_HEADER: 'x-continent' }, async ({ url }) => {
    const clients = [];
    for (const continent of ['EU', 'AS']) {
      const homes = new Map();
      for (let n = 1; homes.size < 4; n += 1) {
        const client = await join(`${url}/cometd`, { headers: { ...at(n).headers, 'x-continent': continent } });
        homes.set(homeOf(client), client);
      }
      clients.push(...homes.values());
    }
    await Promise.all(clients.map((client) => client.ok(client.subscribe('/hot'))));
    const numbers = Array.from({ length: 50 }, (_, n) => n);
    const speaker = await join(`${url}/cometd`);
    for (const n of numbers) await speaker.ok(speaker.publish('/hot', n));
    for (const client of clients) assert.deepEqual(await hear(client, 50), numbers);
  }));

test('sessions stay routable when HOMES changes, for the homes that FORMER_HOMES names', async () => {
  const persistTo = await mkdtemp(path(tmpdir(), 'bayeux-edge-'));
  const former = [];
  const start = (port, HOMES) => {
    const vars = { ...PATIENT, HOMES, FORMER_HOMES: former.join(' ') };
    former.push(HOMES);
    return startServer({ fixture: true, persistTo, port, vars });
  };
  let server = await start(0, 'sharded:8');
  try {
    const clients = await apart(`${server.url}/cometd`, 3);
    await Promise.all(clients.map((client) => client.ok(client.subscribe('/stays'))));
    for (const homes of ['root', 'regional:3', 'sharded:2']) {
      const { port } = server;
      await server.stop();
      server = await start(port, homes);
      const speaker = await join(`${server.url}/cometd`);
      await speaker.ok(speaker.publish('/stays', homes));
      for (const client of clients) assert.deepEqual(await hear(client, 1), [homes]);
    }
  } finally {
    await server.stop();
    await rm(persistTo, { recursive: true, force: true });
  }
});
