// What was said last, as far as this page knows: each text once, and enough of them to tell one who comes, or comes back.

/** Of ids, to know texts that come again. */
const MAX_KNOWN = 1_000;

/** Of texts: two screens full. */
const MAX_TEXTS = 50;

/** Of all of them, in UTF-16 units: far below the server's limit for a message. */
const MAX_LENGTH = 30_000;

export class Memory {
  #known = new Set(); // ids
  #texts = []; // by time

  /** False if this text is known already. */
  remember(message) {
    if (this.#known.has(message.id)) return false;
    this.#known.add(message.id);
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.values().next().value);
    this.#texts.splice(this.#texts.findLastIndex(({ time }) => time <= message.time) + 1, 0, message);
    if (this.#texts.length > MAX_TEXTS) this.#texts.shift();
    return true;
  }

  /** The latest texts, by time. */
  latest() {
    let length = 0;
    const start = this.#texts.findLastIndex(({ text }) => (length += text.length) > MAX_LENGTH) + 1;
    return this.#texts.slice(start);
  }
}
