// Our own moves on their way. Of a word only the latest counts: while one request is under way the next ones gather.
// Until a move has come back to us in the server's order, whatever comes of that word was ordered before it, and is
// past.

/** Between two requests: as often as others see it move. */
const PACE = 80; // ms

/**
 * A server may be told not to send people their own messages (BROADCAST_TO_PUBLISHER): then a move is settled so long
 * after it was taken.
 */
const ECHO = 3_000; // ms

export class Moves {
  #pending = new Map(); // word → { x, y, version, sent }
  #open = false;
  #sending = false;
  #send;
  #refused;

  /** `send(move)` resolves as a Connection's publish does; `refused(error)` is told what the server did not take. */
  constructor({ send, refused }) {
    this.#send = send;
    this.#refused = refused;
  }

  add(word, { x, y }, version) {
    this.#pending.set(word, { x, y, version, sent: false });
    this.#flush();
  }

  /** The connection is there: what was lost with the last one is sent again. */
  open() {
    this.#open = true;
    for (const move of this.#pending.values()) move.sent = false;
    this.#flush();
  }

  close() {
    this.#open = false;
  }

  isPending(word) {
    return this.#pending.has(word);
  }

  /** A move of ours is known to all. */
  settle(word, version) {
    if (this.#pending.get(word)?.version === version) this.#pending.delete(word);
  }

  async #flush() {
    if (this.#sending) return;
    this.#sending = true;
    for (let next; (next = this.#next()); ) {
      const [word, move] = next;
      move.sent = true;
      const { sent, ...place } = move;
      const { outcome, error } = await this.#send({ word, ...place });
      if (outcome === 'taken') setTimeout(() => this.settle(word, move.version), ECHO);
      if (outcome === 'lost') move.sent = false;
      if (outcome === 'refused') {
        this.settle(word, move.version);
        this.#refused(error);
      }
      await new Promise((resolve) => setTimeout(resolve, PACE));
    }
    this.#sending = false;
  }

  #next() {
    return this.#open && [...this.#pending].find(([, { sent }]) => !sent);
  }
}
