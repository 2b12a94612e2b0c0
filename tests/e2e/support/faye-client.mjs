// Faye's client, in Node or in a page that has its script from npm: nothing but JSON goes in and out (page.mjs). Either
// has it in the global `Faye`.

const TRANSPORTS = ['websocket', 'eventsource', 'long-polling', 'cross-origin-long-polling', 'callback-polling'];

export class FayeClient {
  #faye;
  #heard = [];
  #subscriptions = new Map(); // channel → Faye's own
  #state;
  #connectsBy;

  /**
   * `transports` are those that the client may use, by their names. `retry` is its pause before it tries again, in
   * seconds; a poll that was advised no time it gives up a little later than that.
   */
  constructor({ url, transports = TRANSPORTS, retry = 0.2 }) {
    this.#faye = new Faye.Client(url, { retry });
    for (const name of TRANSPORTS) if (!transports.includes(name)) this.#faye.disable(name);
    this.#faye.addExtension({
      outgoing: (message, next) => {
        if (message.channel === '/meta/connect') this.#connectsBy = message.connectionType;
        next(message);
      },
    });
    for (const state of ['up', 'down']) this.#faye.on(`transport:${state}`, () => (this.#state = state));
  }

  /** Resolves once the server has agreed. */
  subscribe(channel) {
    const subscription = this.#faye.subscribe(channel, (data) => this.#heard.push(data));
    this.#subscriptions.set(channel, subscription);
    return settled(subscription);
  }

  unsubscribe = (channel) => this.#subscriptions.get(channel).cancel();
  publish = (channel, data) => settled(this.#faye.publish(channel, data));
  disconnect = () => settled(this.#faye.disconnect());

  /** Adds `ext` to what goes out on a channel, and what comes in with it is heard beside its data. */
  extend = (channel, ext) =>
    this.#faye.addExtension({
      outgoing: (message, next) => next(message.channel === channel ? { ...message, ext } : message),
      incoming: (message, next) => next(message.channel === channel && message.data ? { ...message, data: [message.data, message.ext] } : message),
    });

  /** From now on what it publishes has a key by which the server knows it should it come again. */
  sendKeys = () =>
    this.#faye.addExtension({
      outgoing: (message, next) => {
        if (!message.channel.startsWith('/meta/')) message.ext = { ...message.ext, idempotencyKey: crypto.randomUUID() };
        next(message);
      },
    });

  /** The data of what came so far. */
  heard = () => this.#heard;
  /** Whether it knows that its connection is gone. */
  isDown = () => this.#state === 'down' || this.#faye._dispatcher._transport._socket?.readyState === 0;
  /** The connection type of its last connect: while that is a poll’s, it has not come to its stream for good. */
  connectsBy = () => this.#connectsBy;
  transport = () => this.#faye._dispatcher.connectionType;
  clientId = () => this.#faye._dispatcher.clientId;
}

/** A promise of nothing. Faye's own ones swallow a failure where `then` is given nothing for it. */
const settled = (deferrable) => Promise.resolve(deferrable).then(() => {});
