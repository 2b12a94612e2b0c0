// Messages that the server has not accepted yet. They survive lost connections, restarts of the server and reloads of
// the page. A receiver recognises a repeated message by its id.

const RETRY = 2_000; // ms, after a message was lost and the connection was not

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

  /** Sends the unsent messages of the page's last load again, in their order. */
  restore() {
    // The user may write a message before the stored ones are loaded.
    const messages = this.#store.load().filter(({ id }) => !this.#waiting.has(id));
    for (const message of messages) this.#waiting.set(message.id, { message, sending: false, refused: false });
    return messages;
  }

  add(message) {
    this.#waiting.set(message.id, { message, sending: false, refused: false });
    this.#save();
    this.#flush();
  }

  /** The connection is open. */
  open() {
    this.#open = true;
    this.#flush();
  }

  close() {
    this.#open = false;
  }

  /** Our own message came back from the room, so the server accepted it even if its reply was lost. */
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
