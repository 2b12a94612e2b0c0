// A client of the bare object (bench/servers/bare): held requests without a protocol.
import { HttpClient } from '../http.mjs';

export class BareLongPolling {
  #load;
  #http;
  #query;
  #left = false;

  /** `number` tells a client from the others. */
  constructor(load, number) {
    const { account, options } = load;
    this.#load = load;
    this.#http = new HttpClient(options);
    this.#query = new URLSearchParams({ room: options.room || `bench${account.run}`, c: number });
  }

  open() {
    return this.#http.connect();
  }

  async subscribe() {
    const { status } = await this.#http.request(this.#http.get(`/poll?${this.#query}&t=0`));
    if (status !== 200) throw new Error(`poll http ${status}`);
    this.#poll(this.#http.get(`/poll?${this.#query}`));
  }

  publish(done) {
    const { account } = this.#load;
    this.#http.exchange(this.#http.post(`/pub?${this.#query}`, account.message()), (status) => {
      if (status !== 200) account.fail(`pub http ${status}`);
      done();
    });
  }

  async leave() {
    this.#left = true;
    this.#http.close();
  }

  #poll(request) {
    const { account } = this.#load;
    this.#http.exchange(request, (status, body) => {
      if (this.#left) return;
      account.answers += 1;
      account.scan(body);
      if (status !== 200) account.fail(`poll http ${status}`);
      else this.#poll(request);
    });
  }
}
