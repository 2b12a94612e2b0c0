// A client that publishes, receives and comes back after every fault, and never shakes hands twice.
import { setTimeout as sleep } from 'node:timers/promises';
import { Lost, LongPolling, OverEventSource, OverWebSocket } from './transports.mjs';

const TRANSPORTS = [LongPolling, OverWebSocket, OverEventSource];

export class Client {
  #random;
  #ledger;
  #subscriber;
  #transports;
  #transport;
  #clientId;
  #numbers;
  #messages = 0;
  #batch = -1;
  #heard;
  #lost = false;
  #published = 0;
  #connects;
  #publishes;
  #publishing = true;
  #connecting = true;

  /**
   * `replays`: it acknowledges nothing, and says how far it has heard when a connect was not answered, with the next
   * 'connect' or with a 'subscribe' before that. `moves`: now and then it goes on with another transport.
   *
   * One that replays over an event stream publishes nothing: only what the stream brings comes in order.
   */
  constructor({ name, url, room, neighbours, transport, acknowledges, replays, moves, random, ledger }) {
    Object.assign(this, { name, room, acknowledges, replays, moves });
    this.#random = random;
    this.#ledger = ledger;
    const hearsAll = acknowledges || replays !== undefined;
    const ordered = hearsAll || (transport === 'websocket' && !moves);
    this.#subscriber = ledger.subscriber({ name, publishers: neighbours, hearsAll, ordered });
    this.#transports = TRANSPORTS.map((Transport) => new Transport(url, (messages) => this.#hear(messages)));
    this.#transport = this.#transports.find(({ name }) => name === transport);
    // A session that acknowledges, or reads its numbers in `ext`, is refused a stream.
    const streams = !hearsAll || transport === 'eventsource';
    if (!streams) this.#transports = this.#transports.filter(({ listen }) => !listen);
    this.#numbers = streams ? true : 'ext';
    this.#publishing = !(streams && replays);
  }

  async join() {
    const ext = this.acknowledges ? { ack: true } : this.replays ? { replay: this.#numbers } : {};
    const reply = await this.#send({ channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['long-polling', 'websocket', 'eventsource'], ext });
    this.#clientId = reply.clientId;
    const replies = [await this.#connect({ timeout: 0 }), await this.#subscribe(-1)];
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
    // A stream would not end.
    await this.#send({ channel: '/meta/disconnect' }).catch(() => this.#transport.close());
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
    if (this.#lost && this.replays === 'subscribe') {
      const { successful, error } = await this.#subscribe(this.#heard);
      if (!successful) return this.#refused(error);
      this.#lost = false;
    }
    const numbers = this.#lost && this.replays === 'connect' ? { replay: { [this.room]: this.#heard } } : {};
    this.#lost = true;
    if (this.#transport.listen) return this.#listen();
    const { successful, error } = await this.#connect(undefined, numbers);
    if (!successful) return this.#refused(error);
    this.#lost = false;
    this.#ledger.connected(this.#subscriber);
  }

  /** Until the stream is over. */
  async #listen() {
    const begun = () => this.#ledger.connected(this.#subscriber);
    const { error } = await this.#answer('an event stream', this.#transport.listen(this.#clientId, begun));
    return this.#refused(error);
  }

  #refused(error) {
    if (error.startsWith('400:')) this.#ledger.problem(`${this.name} was refused the events that it missed: ${error}`);
    return this.#waitALittle();
  }

  async #subscribe(from) {
    const ext = this.replays ? { replay: { [this.room]: from } } : {};
    const reply = await this.#send({ channel: '/meta/subscribe', subscription: this.room, ext });
    this.#heard ??= reply.ext?.replay?.[this.room];
    return reply;
  }

  #connect(advice, numbers) {
    const ext = this.acknowledges ? { ack: this.#batch } : { ...numbers };
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
    return this.#answer(message.channel, this.#transport.send(sent));
  }

  async #answer(asked, answer) {
    const since = Date.now();
    const reply = await answer.catch((error) => {
      if (error instanceof Lost) this.#ledger.broke(this.#subscriber, since);
      throw error;
    });
    if (reply.error?.startsWith('402') && this.#connecting) {
      this.#ledger.problem(`${this.name} was advised to handshake again, at ${asked}`);
      this.#connecting = this.#publishing = false;
    }
    return reply;
  }

  #hear(messages) {
    for (const message of messages) {
      if (message.channel === this.room && !('successful' in message)) this.#receive(message);
      else if (message.channel === '/service/dropped') this.#ledger.problem(`${this.name} was told that events were dropped`);
      else if (message.channel === '/meta/connect' && message.successful && this.acknowledges) this.#batch = message.ext.ack;
    }
  }

  #receive({ data, ext }) {
    if (this.replays) {
      const { replayId } = this.#numbers === 'ext' ? ext.replay : data.event;
      // After a crash of its home what the last life sent may come again.
      if (replayId <= this.#heard) return void (this.#ledger.counts.skipped += 1);
      this.#heard = replayId;
    }
    this.#ledger.received(this.#subscriber, data);
  }
}
