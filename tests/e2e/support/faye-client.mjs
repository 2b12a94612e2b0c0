// Faye's client, in a page that has its script from npm: nothing but JSON goes in and out (page.mjs).

const TRANSPORTS = ['websocket', 'eventsource', 'long-polling', 'cross-origin-long-polling', 'callback-polling'];

export class FayeClient {
  #faye;
  #heard = [];
  #state;

  /** `transports` are those that the client may use, by their names. */
  constructor({ url, transports = TRANSPORTS }) {
    this.#faye = new Faye.Client(url, { retry: 0.2 }); // seconds
    for (const name of TRANSPORTS) if (!transports.includes(name)) this.#faye.disable(name);
    for (const state of ['up', 'down']) this.#faye.on(`transport:${state}`, () => (this.#state = state));
  }

  /** Resolves once the server has agreed. */
  subscribe = (channel) => this.#faye.subscribe(channel, (data) => this.#heard.push(data)).then(() => {});
  publish = (channel, data) => this.#faye.publish(channel, data).then(() => {});
  disconnect = () => this.#faye.disconnect()?.then(() => {});

  /** The data of what came so far. */
  heard = () => this.#heard;
  /** Whether it knows that its connection is gone. */
  isDown = () => this.#state === 'down' || this.#faye._dispatcher._transport._socket?.readyState === 0;
  transport = () => this.#faye._dispatcher.connectionType;
  clientId = () => this.#faye._dispatcher.clientId;
}
