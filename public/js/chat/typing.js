// Who is typing, published on a channel of its own without history.
import { isId } from '../ids.js';
import { tidyName } from './messages.js';

/** How often a typing user publishes, and how long it is shown. */
const SAID = 3_000; // ms
const HOLDS = 6_000; // ms

/** More names are shown as "several people". */
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

  /** The user types. */
  typed() {
    if (Date.now() - this.#said < SAID) return;
    this.#said = Date.now();
    this.#say();
  }

  /** The user has sent the message. */
  sent() {
    this.#said = 0;
  }

  /** Another person types. */
  told(data, me) {
    const name = typeof data?.name === 'string' ? tidyName(data.name) : '';
    if (!isId(data?.from) || data.from === me || name === '') return;
    this.#typing.set(data.from, { name, until: Date.now() + HOLDS });
    this.#show();
  }

  /** A message of this person came. */
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

/** Names only become text nodes. */
function sentence(names) {
  if (names.length === 0) return [];
  const named = names.flatMap((name, at) => [...(at > 0 ? [at === names.length - 1 ? ' and ' : ', '] : []), Object.assign(document.createElement('bdi'), { textContent: name })]);
  return [...named, names.length === 1 ? ' is typing…' : ' are typing…'];
}
