// What Bayeux clients over HTTP have in common: all but how events come.
import { HttpClient } from '../http.mjs';

export class BayeuxHttp {
  left = false;

  /** `connectionType` is its name in the protocol. */
  constructor(load, connectionType) {
    this.load = load;
    this.connectionType = connectionType;
    this.http = new HttpClient(load.options);
  }

  /** Ready to publish: `[{"channel":"/meta/handshake",…}]` on a new connection. */
  async open() {
    const { authext } = this.load.options;
    await this.http.connect();
    const reply = await this.call('handshake', {
      channel: '/meta/handshake',
      version: '1.0',
      minimumVersion: '1.0',
      supportedConnectionTypes: [this.connectionType],
      id: '1',
      ...(authext && { ext: JSON.parse(authext) }),
    });
    this.clientId = reply.clientId;
  }

  publish(done) {
    const { account, options } = this.load;
    const { clientId } = this;
    const message = { channel: options.channel, clientId, id: 'p', data: account.message() };
    this.http.exchange(this.request('', message), (status, body) => {
      if (status !== 200 || !body.includes('"successful":true')) account.fail(`publish ${describe(status, body)}`);
      done();
    });
  }

  async leave() {
    this.left = true;
    this.http.close();
    const { clientId } = this;
    if (!clientId || !this.load.options.bye) return;
    // On a connection of its own: the other one may have a poll pending.
    this.http = new HttpClient(this.load.options);
    await this.http.connect();
    await this.http.request(this.request('disconnect', { channel: '/meta/disconnect', clientId, id: '9' }));
    this.http.close();
  }

  /** A request with one message, as bytes. `suffix` is what cometd.js appends to the path. */
  request(suffix, message) {
    return this.http.post(this.path(suffix), [message]);
  }

  /** The messages of an answer. */
  messages(body) {
    return JSON.parse(body);
  }

  /** The reply to a meta message; throws where it is not successful. */
  async call(suffix, message) {
    const { status, body } = await this.http.request(this.request(suffix, message));
    const reply = status === 200 && this.messages(body).find(({ channel }) => channel === message.channel);
    if (!reply?.successful) throw new Error(`${message.channel} ${describe(status, body)}`);
    return reply;
  }

  path(suffix) {
    const { url, append } = this.load.options;
    const base = url.pathname.replace(/\/$/, '');
    return ((append && suffix ? `${base}/${suffix}` : base) || '/') + url.search;
  }
}

export const describe = (status, body) => `${status} ${body.toString().slice(0, 100)}`;
