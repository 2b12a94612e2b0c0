// Clients of several homes that publish and subscribe, and count their own messages.
import assert from 'node:assert/strict';
import { join } from './bayeux.mjs';
import { EventStream } from './event-stream.mjs';
import { Socket } from './websocket.mjs';

/**
 * In each home a publisher, and listeners of a tree over each transport: so many `polls`, `sockets` and `streams`, each
 * of which `expects` so many events.
 */
export class Load {
  #url;
  #size;
  #publishers = {};
  #listeners = [];
  #sockets = [];
  #streams = [];
  /** What the clients of each home have sent and heard. */
  at = {};

  constructor(url, size) {
    this.#url = url;
    this.#size = size;
  }

  async joins(home) {
    const { tree, polls, sockets, streams, expects } = this.#size;
    const made = { messages: {}, requests: {}, heard: {}, refused: 0 };
    this.at[home] = made;
    const url = `${this.#url}/cometd${home === '/' ? '' : home}`;
    const add = (tally, name, more = 1) => (tally[name] = (tally[name] ?? 0) + more);
    const sent = (kind, by = 'long-polling') => [add(made.messages, kind), add(made.requests, by)];
    const listens = async () => {
      const client = await join(url);
      await client.ok(client.subscribe(`${tree}/*`));
      for (const kind of ['handshake', 'connect', 'subscribe']) sent(kind);
      return client;
    };

    this.#publishers[home] = await join(url);
    for (const kind of ['handshake', 'connect']) sent(kind);
    for (let n = 0; n < polls; n += 1) {
      const client = await listens();
      this.#listeners.push(async () => {
        for (let heard = 0; heard < expects;) {
          sent('connect');
          const { length } = await client.poll();
          heard += length;
          add(made.heard, 'long-polling', length);
        }
      });
    }
    for (let n = 0; n < sockets; n += 1) {
      const socket = await Socket.open(url);
      const clientId = await socket.join();
      await socket.ask({ channel: '/meta/subscribe', clientId, subscription: `${tree}/*` });
      socket.send([{ channel: '/meta/connect', clientId, connectionType: 'websocket' }]);
      for (const kind of ['handshake', 'connect', 'subscribe', 'connect']) sent(kind, 'websocket');
      this.#sockets.push(socket);
      this.#listeners.push(async () => {
        for (let heard = 0; heard < expects;) {
          const { length } = (await socket.next()).filter(({ channel }) => channel.startsWith(tree));
          heard += length;
          add(made.heard, 'websocket', length);
        }
      });
    }
    for (let n = 0; n < streams; n += 1) {
      const client = await listens();
      const stream = await EventStream.open(`${url}/${client.clientId}`);
      this.#streams.push(stream);
      this.#listeners.push(async () => add(made.heard, 'eventsource', (await stream.data(expects)).length));
    }
  }

  /** Resolves once each listener has heard all. */
  hears() {
    return Promise.all(this.#listeners.map((hears) => hears()));
  }

  async publishes(home, channel) {
    const publisher = this.#publishers[home];
    await publisher.ok(publisher.publish(channel, 1));
    const { messages, requests } = this.at[home];
    messages.publish = (messages.publish ?? 0) + 1;
    requests['long-polling'] += 1;
  }

  async isRefused(home, channel) {
    const [{ successful }] = (await this.#publishers[home].publish(channel, 1)).json;
    assert.equal(successful, false);
    this.at[home].refused += 1;
    this.at[home].requests['long-polling'] += 1;
  }

  async leaves() {
    this.#streams.forEach((stream) => stream.cut());
    await Promise.all(this.#sockets.map((socket) => socket.close(1000)));
  }
}
