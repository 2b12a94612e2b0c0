// cometd.js as it comes from npm, in Node or in a page: promises in place of its callbacks, and nothing but JSON goes
// in and out, so that a test can speak to one in a browser (page.mjs).
import { AckExtension, BinaryExtension, CometD, ReloadExtension, TimeStampExtension, TimeSyncExtension } from 'cometd';

const EXTENSIONS = {
  ack: AckExtension,
  binary: BinaryExtension,
  reload: ReloadExtension,
  timestamp: TimeStampExtension,
  timesync: TimeSyncExtension,
};

export class CometDClient {
  #cometd = new CometD();
  #heard = [];
  #meta = [];
  #subscriptions = new Map(); // pattern → cometd.js' own
  #extensions = {};

  /**
   * `transports` are those that the client may use, `extensions` those that it has, both by their names;
   * `configuration` is cometd.js' own.
   */
  constructor({ url, transports, extensions = [], configuration = {} }) {
    for (const type of this.#cometd.getTransportTypes()) if (!transports.includes(type)) this.#cometd.unregisterTransport(type);
    this.#cometd.configure({ url, logLevel: 'error', backoffIncrement: 100, maxBackoff: 300, ...configuration });
    for (const name of extensions) this.#cometd.registerExtension(name, (this.#extensions[name] = new EXTENSIONS[name]()));
    for (const channel of ['handshake', 'connect', 'disconnect']) {
      // Its own failures bring the request and the transport along.
      this.#cometd.addListener(`/meta/${channel}`, ({ failure, ...message }) => this.#meta.push(message));
    }
    // As an application subscribes: cometd.js forgets its subscriptions with its session.
    this.#cometd.addListener('/meta/handshake', ({ successful, ext }) => {
      if (successful && !ext?.reload) for (const pattern of this.#subscriptions.keys()) this.subscribe(pattern);
    });
  }

  handshake = (fields) => new Promise((resolve) => this.#cometd.handshake(fields, resolve));
  disconnect = () => new Promise((resolve) => (this.#cometd.isDisconnected() ? resolve() : this.#cometd.disconnect(resolve)));
  publish = (channel, data) => new Promise((resolve) => this.#cometd.publish(channel, data, resolve));
  publishBytes = (channel, bytes) =>
    new Promise((resolve) => this.#cometd.publishBinary(channel, new Uint8Array(bytes), true, { kind: 'bytes' }, resolve));

  /** All in one batch. Resolves with the replies. */
  publishAll(channel, all) {
    let replies;
    this.#cometd.batch(() => (replies = all.map((data) => this.publish(channel, data))));
    return Promise.all(replies);
  }

  /** Resolves with the server's reply. */
  subscribe = (pattern) =>
    new Promise((resolve) => {
      const hear = (message) => this.#hear(message);
      this.#subscriptions.set(pattern, this.#cometd.subscribe(pattern, hear, resolve));
    });

  unsubscribe(pattern) {
    const subscription = this.#subscriptions.get(pattern);
    this.#subscriptions.delete(pattern);
    return new Promise((resolve) => this.#cometd.unsubscribe(subscription, resolve));
  }

  /** Hears what a service answers, too. */
  listen = (channel) => void this.#cometd.addListener(channel, (message) => this.#hear(message));

  /** Breaks off what its transport is doing. */
  abort = () => this.#cometd.getTransport().abort();

  /** Keeps its session for the next one in the same page. It is of no use afterwards. */
  reload = () => this.#cometd.reload();

  /** `[channel, data]` of each message so far. */
  heard = () => this.#heard;
  /** The meta messages so far, those that cometd.js makes up for a failed request too. */
  meta = () => this.#meta;
  status = () => this.#cometd.getStatus();
  transport = () => this.#cometd.getTransport()?.type;
  clientId = () => this.#cometd.getClientId();
  /** What timesync found: ms. */
  clock = () => ({ offset: this.#extensions.timesync.getTimeOffset(), lag: this.#extensions.timesync.getNetworkLag() });

  #hear({ channel, data, ext }) {
    // To cometd.js `/**` means the meta messages that it reads, too.
    if (channel.startsWith('/meta/')) return;
    this.#heard.push([channel, ext?.binary ? { ...data, data: [...new Uint8Array(data.data)] } : data]);
  }
}
