// A client that publishes, receives and comes back after every fault, and never shakes hands twice.
import { setTimeout as sleep } from 'node:timers/promises';
import { Lost, LongPolling, OverWebSocket } from './transports.mjs';

const TRANSPORTS = [LongPolling, OverWebSocket];

export class Client {
  #random;
  #ledger;
  #subscriber;
  #transports;
  #transport;
  #clientId;
  #messages = 0;
  #batch = -1;
  #published = 0;
  #connects;
  #publishes;
  #publishing = true;
  #connecting = true;

  /** `moves`: now and then it goes on with the other transport. */
  constructor({ name, url, room, neighbours, transport, acknowledges, moves, random, ledger }) {
    Object.assign(this, { name, room, acknowledges, moves });
    this.#random = random;
    this.#ledger = ledger;
    const ordered = acknowledges || (transport === 'websocket' && !moves);
    this.#subscriber = ledger.subscriber({ name, publishers: neighbours, acknowledges, ordered });
    this.#transports = TRANSPORTS.map((Transport) => new Transport(url, (messages) => this.#hear(messages)));
    this.#transport = this.#transports.find(({ name }) => name === transport);
  }

  async join() {
    const ext = this.acknowledges ? { ack: true } : {};
    const reply = await this.#send({ channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['long-polling', 'websocket'], ext });
    this.#clientId = reply.clientId;
    const replies = [await this.#connect({ timeout: 0 }), await this.#send({ channel: '/meta/subscribe', subscription: this.room })];
    for (const { successful, error } of [reply, ...replies]) if (!successful) throw new Error(`${this.name}: ${error}`);
  }

  start() {
    this.#connects = this.#repeatedly(() => this.#connecting, () => this.#wait());
    this.#publishes = this.#repeatedly(() => this.#publishing, () => this.#publish());
  }

  /** Publishes no more, and resolves when it knows what became of the last one. */
  async fallsSilent() {
    this.#publishing = false;
    await this.#publishes;
  }

  /** Hears out what is left, and says goodbye. */
  async leaves() {
    this.#connecting = false;
    await this.#send({ channel: '/meta/disconnect' }).catch(() => {});
    await this.#connects;
    this.#transports.forEach((transport) => transport.close());
  }

  async #repeatedly(going, step) {
    while (going()) {
      try {
        await step();
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
        await this.#waitALittle();
        if (this.moves && this.#random.chance(0.3)) this.#transport = this.#random.pick(this.#transports);
      }
    }
  }

  async #wait() {
    const { successful } = await this.#connect();
    if (!successful) return this.#waitALittle();
    this.#ledger.connected(this.#subscriber);
  }

  #connect(advice) {
    const ext = this.acknowledges ? { ack: this.#batch } : {};
    return this.#send({ channel: '/meta/connect', connectionType: this.#transport.name, ext, ...(advice && { advice }) });
  }

  async #publish() {
    await sleep(this.#random.between(0, 2000));
    if (this.#random.chance(0.02)) {
      this.#ledger.counts.panics += 1;
      await this.#send({ channel: '/service/panic', data: {}, id: `panic-${this.#messages}` });
      return;
    }
    this.#published += 1;
    const publish = this.#ledger.publishes(this.name, this.#published);
    const { successful, error } = await this.#send({ channel: this.room, data: { from: this.name, n: this.#published } });
    // A panic costs its own message, and this is none.
    this.#ledger.answered(publish, successful, error);
  }

  /** As a client waits before it tries again. */
  #waitALittle() {
    return sleep(this.#random.between(5, 150));
  }

  async #send(message) {
    this.#messages += 1;
    const sent = [{ id: String(this.#messages), ...(this.#clientId && { clientId: this.#clientId }), ...message }];
    const since = Date.now();
    const reply = await this.#transport.send(sent).catch((error) => {
      if (error instanceof Lost) this.#ledger.broke(this.#subscriber, since);
      throw error;
    });
    if (reply.error?.startsWith('402') && this.#connecting) {
      this.#ledger.problem(`${this.name} was told to shake hands again, at ${message.channel}`);
      this.#connecting = this.#publishing = false;
    }
    return reply;
  }

  #hear(messages) {
    for (const message of messages) {
      if (message.channel === this.room && !('successful' in message)) this.#ledger.received(this.#subscriber, message.data);
      else if (message.channel === '/service/dropped') this.#ledger.problem(`${this.name} was told that events were dropped`);
      else if (message.channel === '/meta/connect' && message.successful && this.acknowledges) this.#batch = message.ext.ack;
    }
  }
}
