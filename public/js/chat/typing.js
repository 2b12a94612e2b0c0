// Who is typing: said on a channel of its own, which keeps nothing.
import { isId } from '../ids.js';
import { tidyName } from './messages.js';

/** How often it is said while somebody types, and how long it holds. */
const SAID = 3_000; // ms
const HOLDS = 6_000; // ms

/** More of them are "several people". */
const NAMED = 3;

export class Typing {
  #line = document.getElementById('typing');
  #typing = new Map(); // id → { name, until }
  #said = 0;
  #say;

  constructor({ say }) {
    this.#say = say;
    setInterval(() => this.#show(), 1_000);
  }

  /** We are typing. */
  typed() {
    if (Date.now() - this.#said < SAID) return;
    this.#said = Date.now();
    this.#say();
  }

  /** We have sent it. */
  sent() {
    this.#said = 0;
  }

  /** Somebody says so. */
  told(data, me) {
    const name = typeof data?.name === 'string' ? tidyName(data.name) : '';
    if (!isId(data?.from) || data.from === me || name === '') return;
    this.#typing.set(data.from, { name, until: Date.now() + HOLDS });
    this.#show();
  }

  /** Somebody has written. */
  wrote(id) {
    if (this.#typing.delete(id)) this.#show();
  }

  #show() {
    const now = Date.now();
    for (const [id, { until }] of this.#typing) if (until <= now) this.#typing.delete(id);
    const names = [...this.#typing.values()].map(({ name }) => name);
    const parts = names.length > NAMED ? ['Several people are typing…'] : sentence(names);
    this.#line.replaceChildren(...parts);
  }
}

/** Names of others only ever become text nodes. */
function sentence(names) {
  if (names.length === 0) return [];
  const named = names.flatMap((name, at) => [...(at > 0 ? [at === names.length - 1 ? ' and ' : ', '] : []), Object.assign(document.createElement('bdi'), { textContent: name })]);
  return [...named, names.length === 1 ? ' is typing…' : ' are typing…'];
}
