// A Bayeux client that hears events as server-sent ones, as Faye's does: from a GET of the path with its clientId
// behind it.
import { dial } from '../dial.mjs';
import { BayeuxHttp } from './bayeux-http.mjs';

export class BayeuxEventSource extends BayeuxHttp {
  #stream;

  constructor(load) {
    super(load, 'eventsource');
  }

  /** Subscribed, and listening from now on. */
  async subscribe() {
    const { channel } = this.load.options;
    const { clientId, connectionType } = this;
    await this.call('', { channel: '/meta/subscribe', clientId, subscription: channel, id: '2' });
    await this.#listen();
    await this.call('connect', { channel: '/meta/connect', clientId, connectionType, id: '3' }); // answered at once
  }

  async leave() {
    this.left = true;
    this.#stream?.destroy();
    await super.leave();
  }

  #listen() {
    const { promise, resolve, reject } = Promise.withResolvers();
    const { account, options } = this.load;
    const { pathname, search, host } = options.url;
    const header = options.header ? `${options.header}\r\n` : '';
    const stream = (this.#stream = dial(options.url));
    let opened = false;
    let received = null; // the part of a line that has come
    const lost = (why) => {
      if (!opened) reject(new Error(why));
      else if (!this.left) account.fail(`stream ${why}`);
      this.left = true;
    };
    stream.on('connect', () =>
      stream.write(
        `GET ${pathname.replace(/\/$/, '')}/${this.clientId}${search} HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\n${header}\r\n`,
      ),
    );
    stream.on('data', (bytes) => {
      const all = received ? Buffer.concat([received, bytes]) : bytes;
      if (!opened) {
        if (!all.includes('\r\n\r\n')) return void (received = all);
        if (all.latin1Slice(9, 12) !== '200') return stream.destroy(new Error(`http ${all.latin1Slice(9, 12)}`));
        opened = true;
        resolve();
      }
      // Whole lines. That some of them are the heads of chunks does no harm.
      const end = all.lastIndexOf('\n') + 1;
      const before = account.received;
      account.scan(all.subarray(0, end));
      if (account.received > before) account.answers += 1;
      received = end < all.length ? all.subarray(end) : null;
    });
    stream.on('error', (error) => lost(error.code ?? error.message));
    stream.on('close', () => lost('closed'));
    return promise;
  }
}
