// A Bayeux client over long-polling.
import { HttpClient } from '../http.mjs';

export class BayeuxLongPolling {
  #load;
  #http;
  #left = false;

  constructor(load) {
    this.#load = load;
    this.#http = new HttpClient(load.options);
  }

  /** Ready to publish: `[{"channel":"/meta/handshake",…}]` on a new connection. */
  async open() {
    const { authext } = this.#load.options;
    await this.#http.connect();
    const reply = await this.#call('handshake', {
      channel: '/meta/handshake',
      version: '1.0',
      minimumVersion: '1.0',
      supportedConnectionTypes: ['long-polling'],
      id: '1',
      ...(authext && { ext: JSON.parse(authext) }),
    });
    this.clientId = reply.clientId;
  }

  /** Subscribed, and polling from now on. */
  async subscribe() {
    const { channel, hold } = this.#load.options;
    const { clientId } = this;
    await this.#call('', { channel: '/meta/subscribe', clientId, subscription: channel, id: '2' });
    const connect = { channel: '/meta/connect', clientId, connectionType: 'long-polling' };
    // The first one is answered at once, by its timeout; those that follow are held.
    await this.#call('connect', { ...connect, id: '3', advice: { timeout: 0 } });
    const held = { ...connect, id: '4', ...(hold && { advice: { timeout: Number(hold) } }) };
    this.#poll(this.#http.post(this.#path('connect'), [held]));
  }

  publish(done) {
    const { account, options } = this.#load;
    const { clientId } = this;
    const message = { channel: options.channel, clientId, id: 'p', data: account.message() };
    this.#http.exchange(this.#http.post(this.#path(''), [message]), (status, body) => {
      if (status !== 200 || !body.includes('"successful":true')) account.fail(`publish ${describe(status, body)}`);
      done();
    });
  }

  async leave() {
    this.#left = true;
    this.#http.close();
    const { clientId } = this;
    if (!clientId || !this.#load.options.bye) return;
    // On a connection of its own: the other one may have a poll pending.
    this.#http = new HttpClient(this.#load.options);
    await this.#http.connect();
    await this.#http.request(this.#http.post(this.#path('disconnect'), [{ channel: '/meta/disconnect', clientId, id: '9' }]));
    this.#http.close();
  }

  #poll(request) {
    const { account } = this.#load;
    this.#http.exchange(request, (status, body) => {
      if (this.#left) return;
      account.answers += 1;
      account.scan(body);
      if (status !== 200 || body.includes('"successful":false')) account.fail(`poll ${describe(status, body)}`);
      else this.#poll(request);
    });
  }

  async #call(suffix, message) {
    const { status, body } = await this.#http.request(this.#http.post(this.#path(suffix), [message]));
    const reply = status === 200 && JSON.parse(body).find(({ channel }) => channel === message.channel);
    if (!reply?.successful) throw new Error(`${message.channel} ${describe(status, body)}`);
    return reply;
  }

  #path(suffix) {
    const { url, append } = this.#load.options;
    const base = url.pathname.replace(/\/$/, '');
    return ((append && suffix ? `${base}/${suffix}` : base) || '/') + url.search;
  }
}

const describe = (status, body) => `${status} ${body.toString().slice(0, 100)}`;
