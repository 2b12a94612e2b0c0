// What was written and has not yet arrived. A text stays until the server has taken it: through breaks, a server that
// starts again, and a reload of the page. Whoever gets one twice knows it by its id.

const RETRY = 2_000; // ms, after a loss that did not end the connection

export class Outbox {
  #waiting = new Map(); // id → { message, sending, refused }
  #open = false;
  #send;
  #changed;
  #store;

  /**
   * `send(message)` resolves with 'taken', 'lost' or 'refused'; `changed(message, state)` is told 'pending', 'sent' or
   * 'failed'; `store` keeps the messages for a reload: `{ load(), save(messages) }`.
   */
  constructor({ send, changed, store }) {
    this.#send = send;
    this.#changed = changed;
    this.#store = store;
  }

  /** What an earlier life of this page had not got rid of, in order; they are sent again. */
  restore() {
    // A text may be written before this page has looked.
    const messages = this.#store.load().filter(({ id }) => !this.#waiting.has(id));
    for (const message of messages) this.#waiting.set(message.id, { message, sending: false, refused: false });
    return messages;
  }

  add(message) {
    this.#waiting.set(message.id, { message, sending: false, refused: false });
    this.#save();
    this.#flush();
  }

  /** The connection is there. */
  open() {
    this.#open = true;
    this.#flush();
  }

  close() {
    this.#open = false;
  }

  /** Our own message came back from the room: it has arrived, whether or not we have been told. */
  arrived(id) {
    const entry = this.#waiting.get(id);
    if (!entry) return;
    this.#waiting.delete(id);
    this.#save();
    this.#changed(entry.message, 'sent');
  }

  retry(id) {
    const entry = this.#waiting.get(id);
    if (!entry?.refused) return;
    entry.refused = false;
    this.#changed(entry.message, 'pending');
    this.#flush();
  }

  discard(id) {
    this.#waiting.delete(id);
    this.#save();
  }

  #flush() {
    if (!this.#open) return;
    for (const entry of this.#waiting.values()) if (!entry.sending && !entry.refused) this.#deliver(entry);
  }

  async #deliver(entry) {
    entry.sending = true;
    const outcome = await this.#send(entry.message);
    entry.sending = false;
    const { id } = entry.message;
    if (outcome === 'taken') this.arrived(id);
    else if (!this.#waiting.has(id)) return;
    else if (outcome === 'lost') setTimeout(() => this.#flush(), RETRY);
    else {
      entry.refused = true;
      this.#changed(entry.message, 'failed');
    }
  }

  #save() {
    this.#store.save([...this.#waiting.values()].map(({ message }) => message));
  }
}
