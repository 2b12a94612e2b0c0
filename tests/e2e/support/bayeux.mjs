// A small Bayeux client over long-polling that does only what the test tells it.
import assert from 'node:assert/strict';
import { request } from './http.mjs';

export const HANDSHAKE = { channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['long-polling'] };

const JSON_TYPE = { 'content-type': 'application/json' };

/** Posts messages and resolves with the response, whatever it is. */
export const post = (url, messages, { headers } = {}) =>
  request(url, { headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(messages) });

/** Shakes hands at an address, with `handshake`'s fields, and makes the first connect, which is never held. */
export async function join(url, { headers, handshake } = {}) {
  const { status, json } = await post(url, [{ ...HANDSHAKE, ...handshake }], { headers });
  assert.equal(status, 200);
  assert.equal(json[0].successful, true, json[0].error);
  const client = new Client(url, json[0].clientId, headers);
  await client.ok(client.connect());
  return client;
}

/** As many clients as asked for, each subscribed to `channel`. */
export const crowd = (url, size, channel) =>
  Promise.all(
    Array.from({ length: size }, async () => {
      const client = await join(url);
      await client.ok(client.subscribe(channel));
      return client;
    }),
  );

export class Client {
  #url;
  #headers;
  #messages = 0;

  constructor(url, clientId, headers) {
    this.#url = url;
    this.#headers = headers;
    this.clientId = clientId;
  }

  /** Sends messages with this client's id, in one request; the response as it came. */
  send(...messages) {
    return post(this.#url, messages.map((message) => this.signed(message)), { headers: this.#headers });
  }

  /** The messages of a response that must be a 200, with every reply in it successful. */
  async ok(response) {
    const { status, json, text } = await response;
    assert.equal(status, 200, text);
    for (const message of json) assert.notEqual(message.successful, false, text);
    return json;
  }

  /** The data of the events that the next connect brings. */
  async poll(fields) {
    return events(await this.ok(this.connect(fields))).map(({ data }) => data);
  }

  connect(fields) {
    return this.send({ channel: '/meta/connect', connectionType: 'long-polling', ...fields });
  }

  subscribe(subscription) {
    return this.send({ channel: '/meta/subscribe', subscription });
  }

  publish(channel, data) {
    return this.send({ channel, data });
  }

  /** What a service answers. */
  async call(channel, data = {}) {
    return events(await this.ok(this.publish(channel, data))).find((event) => event.channel === channel)?.data;
  }

  /** Whether the server still knows this session. */
  async lives() {
    const [reply] = (await this.send({ channel: '/meta/unsubscribe', subscription: '/never/subscribed' })).json;
    return reply.successful;
  }

  /** A message with this client's id, and one of its own. */
  signed(message) {
    this.#messages += 1;
    return { clientId: this.clientId, id: String(this.#messages), ...message };
  }
}

/** Of the messages of a response those that were published. */
export const events = (messages) => messages.filter((message) => !('successful' in message));
