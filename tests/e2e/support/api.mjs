// The server API as in its OpenAPI description: each answer is checked against it.
import assert from 'node:assert/strict';
import Ajv2020 from 'ajv/dist/2020.js';
import { request } from './http.mjs';

/** Calls the API at `url` with a key, and checks each answer; `description` is the server's own. */
export class ApiCaller {
  #url;
  #key;
  #description;
  #ajv;
  #address;
  /** What was answered, as `METHOD /path status`. */
  seen = new Set();

  constructor(url, key, description) {
    this.#url = url;
    this.#key = key;
    this.#description = description;
    this.#ajv = new Ajv2020.default({ strict: false }).addSchema(description, 'api');
  }

  /** With another key, or none, and from that address; it sees into the same `seen`. */
  with(key, address) {
    const other = new ApiCaller(this.#url, key, this.#description);
    other.#address = address;
    other.seen = this.seen;
    return other;
  }

  /** The same API, and the same `seen`, at another URL. */
  at(url) {
    const other = new ApiCaller(url, this.#key, this.#description);
    other.seen = this.seen;
    return other;
  }

  publish(messages, query) {
    return this.call('POST', '/publish', { query, body: JSON.stringify(messages) });
  }

  async get(path, query) {
    const { status, json, text } = await this.call('GET', path, { query });
    assert.equal(status, 200, text);
    return json;
  }

  async call(method, path, { query = {}, body } = {}) {
    const headers = {
      ...(this.#key !== undefined && { authorization: `Bearer ${this.#key}` }),
      ...(this.#address && { 'cf-connecting-ip': this.#address }),
    };
    const answer = await request(`${this.#url}${path}?${new URLSearchParams(query)}`, { method, headers, body });
    this.#check(method, path, answer);
    return answer;
  }

  #check(method, path, { status, headers, text, json }) {
    const told = `${method} ${path}: ${status} ${text}`;
    const template = Object.keys(this.#description.paths).find((known) => new RegExp(`^${known.replace(/{\w+}/g, '[^/]+')}$`).test(path));
    const pointer = ['paths', template, method.toLowerCase(), 'responses', String(status)];
    const [response, place] = this.#resolve(pointer);
    assert.ok(response, `not in the description: ${told}`);
    this.seen.add(`${method} ${template} ${status}`);
    if (!response.content) return assert.equal(text, '', told);
    const [type] = Object.keys(response.content);
    assert.equal(headers['content-type'].toLowerCase(), type === 'application/json' ? `${type};charset=utf-8` : type, told);
    const validate = this.#ajv.getSchema(`api#/${[...place, 'content', type, 'schema'].map(escaped).join('/')}`);
    assert.ok(validate(json ?? text), `${told}\n${JSON.stringify(validate.errors, null, 1)}`);
  }

  /** What a pointer into the description leads to, and where that is. */
  #resolve(pointer) {
    const found = pointer.reduce((at, name) => at?.[name], this.#description);
    return found?.$ref ? this.#resolve(found.$ref.split('/').slice(1)) : [found, pointer];
  }
}

/** All answers that a description promises, as `METHOD /path status`. */
export const promised = ({ paths }) =>
  Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([, { responses }]) => responses)
      .flatMap(([method, { responses }]) => Object.keys(responses).map((status) => `${method.toUpperCase()} ${path} ${status}`)),
  );

const escaped = (name) => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
