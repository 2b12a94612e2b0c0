// A Bayeux client over WebSocket. Its connect stays held while events come.
import { WebSocketClient } from '../websocket.mjs';

export class BayeuxWebSocket {
  #load;
  #socket;
  #held = null; // the connect that the server holds, as it was sent
  #waiting = new Map(); // by channel: whoever waits for a reply
  #gone = null; // once it leaves: whoever waits for the server to end it

  constructor(load) {
    const { account, options } = load;
    this.#load = load;
    this.#socket = new WebSocketClient(options, options.url.pathname + options.url.search, {
      onText: (bytes) => this.#receive(bytes),
      onLost: (why) => (this.#gone ? this.#gone.resolve() : account.fail(`ws ${why}`)),
    });
  }

  /** Ready to publish. */
  async open() {
    const { authext } = this.#load.options;
    await this.#socket.connect();
    const reply = await this.#call({
      channel: '/meta/handshake',
      version: '1.0',
      minimumVersion: '1.0',
      supportedConnectionTypes: ['websocket'],
      id: '1',
      ...(authext && { ext: JSON.parse(authext) }),
    });
    this.clientId = reply.clientId;
  }

  /** Subscribed, and connected from now on. */
  async subscribe() {
    const { channel, hold } = this.#load.options;
    const { clientId } = this;
    await this.#call({ channel: '/meta/subscribe', clientId, subscription: channel, id: '2' });
    const connect = { channel: '/meta/connect', clientId, connectionType: 'websocket' };
    // The first one is answered at once, by its timeout; those that follow are held.
    await this.#call({ ...connect, id: '3', advice: { timeout: 0 } });
    this.#held = JSON.stringify([{ ...connect, id: '4', ...(hold && { advice: { timeout: Number(hold) } }) }]);
    this.#socket.send(this.#held);
  }

  publish(done) {
    const { account, options } = this.#load;
    const { clientId } = this;
    this.#waiting.set(options.channel, (reply, text) => {
      if (!reply.successful) account.fail(`publish ${text.slice(0, 100)}`);
      done();
    });
    this.#socket.send(JSON.stringify([{ channel: options.channel, clientId, id: 'p', data: account.message() }]));
  }

  async leave() {
    this.#held = null;
    this.#gone = Promise.withResolvers();
    const { clientId } = this;
    if (clientId && this.#load.options.bye) {
      // Faye closes the socket as soon as it has answered.
      await Promise.race([this.#call({ channel: '/meta/disconnect', clientId, id: '9' }), this.#gone.promise]);
    }
    this.#socket.close();
  }

  #receive(bytes) {
    const { account } = this.#load;
    if (this.#held) {
      const before = account.received;
      account.scan(bytes);
      if (account.received > before) account.answers += 1;
      if (!bytes.includes('"/meta/connect"')) return;
    }
    const text = bytes.toString();
    for (const message of JSON.parse(text)) if ('successful' in message) this.#reply(message, text);
  }

  #reply(reply, text) {
    const waiting = this.#waiting.get(reply.channel);
    this.#waiting.delete(reply.channel);
    if (waiting) waiting(reply, text);
    else if (!reply.successful) this.#load.account.fail(`ws ${text.slice(0, 100)}`);
    else if (this.#held && reply.channel === '/meta/connect') this.#socket.send(this.#held);
  }

  #call(message) {
    const { promise, resolve, reject } = Promise.withResolvers();
    this.#waiting.set(message.channel, (reply, text) => {
      if (reply.successful) resolve(reply);
      else reject(new Error(`${message.channel} ${text.slice(0, 100)}`));
    });
    this.#socket.send(JSON.stringify([message]));
    return promise;
  }
}
