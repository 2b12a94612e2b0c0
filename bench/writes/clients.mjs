// Subscribers that only count what they receive.
import { setTimeout as sleep } from 'node:timers/promises';
import { LongPolling, OverWebSocket } from '../../tests/faults/transports.mjs';

/** `acknowledges`: with the ack extension. `away`: ms that it stays away between two connects. */
export class Subscriber {
  received = 0;
  #transport;
  #clientId;
  #acknowledges;
  #away;
  #batch = -1;
  #messages = 0;
  #ended = false;

  constructor(url, { transport, acknowledges = false, away = 0 }) {
    const Transport = transport === 'websocket' ? OverWebSocket : LongPolling;
    this.#transport = new Transport(url, (messages) => this.#hear(messages));
    this.#acknowledges = acknowledges;
    this.#away = away;
  }

  async join(channel) {
    const ext = { ack: this.#acknowledges };
    ({ clientId: this.#clientId } = await this.send({ channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['long-polling', 'websocket'], ext }));
    await this.#connect();
    await this.send({ channel: '/meta/subscribe', subscription: channel });
  }

  /** Connects again and again until it leaves. */
  async listen() {
    while (!this.#ended) {
      await this.#connect();
      await sleep(this.#away);
    }
  }

  async leave() {
    this.#ended = true;
    await this.send({ channel: '/meta/disconnect' });
    this.#transport.close();
  }

  send(message) {
    return this.#transport.send([this.#signed(message)]);
  }

  /** In one request. */
  publishAll(channel, list) {
    return this.#transport.send(list.map((data) => this.#signed({ channel, data })));
  }

  #signed(message) {
    this.#messages += 1;
    return { id: `${this.#messages}`, clientId: this.#clientId, ...message };
  }

  #connect() {
    const ext = this.#acknowledges ? { ack: this.#batch } : {};
    return this.send({ channel: '/meta/connect', connectionType: this.#transport.name, ext });
  }

  #hear(messages) {
    this.received += messages.filter(({ data }) => data !== undefined).length;
    const connect = messages.find(({ channel }) => channel === '/meta/connect');
    this.#batch = connect?.ext?.ack ?? this.#batch;
  }
}
