// Bayeux clients that ask for events: over long-polling, and over callback-polling, which is the same in GETs and
// scripts.
import { BayeuxHttp, describe } from './bayeux-http.mjs';

class BayeuxPolling extends BayeuxHttp {
  /** Subscribed, and polling from now on. */
  async subscribe() {
    const { channel, hold } = this.load.options;
    const { clientId, connectionType } = this;
    await this.call('', { channel: '/meta/subscribe', clientId, subscription: channel, id: '2' });
    const connect = { channel: '/meta/connect', clientId, connectionType };
    // The first one is answered at once, by its timeout; those that follow are held.
    await this.call('connect', { ...connect, id: '3', advice: { timeout: 0 } });
    this.#poll(this.request('connect', { ...connect, id: '4', ...(hold && { advice: { timeout: Number(hold) } }) }));
  }

  #poll(request) {
    const { account } = this.load;
    this.http.exchange(request, (status, body) => {
      if (this.left) return;
      account.answers += 1;
      account.scan(body);
      if (status !== 200 || body.includes('"successful":false')) account.fail(`poll ${describe(status, body)}`);
      else this.#poll(request);
    });
  }
}

export class BayeuxLongPolling extends BayeuxPolling {
  constructor(load) {
    super(load, 'long-polling');
  }
}

export class BayeuxCallbackPolling extends BayeuxPolling {
  constructor(load) {
    super(load, 'callback-polling');
  }

  request(suffix, message) {
    const path = this.path(suffix);
    const query = new URLSearchParams({ message: JSON.stringify([message]), jsonp: 'f' });
    return this.http.get(`${path}${path.includes('?') ? '&' : '?'}${query}`);
  }

  /** Out of `f([…]);` with whatever guards are around it. */
  messages(body) {
    return JSON.parse(body.subarray(body.indexOf('(') + 1, body.lastIndexOf(')')));
  }
}
