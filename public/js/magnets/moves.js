// Own moves that have not come back yet. Only the latest move of a word counts, so moves are collected while a request
// is in progress. Until a move has come back, other moves of its word are older in the server's order, and are
// ignored.

/** Between two requests. Other users see the word move as often. */
const PACE = 80; // ms

/**
 * With `BROADCAST_TO_PUBLISHER = "false"` own moves do not come back. Then a move is settled this long after the server
 * accepted it.
 */
const ECHO = 3_000; // ms

export class Moves {
  #pending = new Map(); // word → { x, y, version, sent }
  #open = false;
  #sending = false;
  #send;
  #refused;

  /** `send(move)` resolves as `Connection.publish` does; `refused(error)` gets the server's error. */
  constructor({ send, refused }) {
    this.#send = send;
    this.#refused = refused;
  }

  add(word, { x, y }, version) {
    this.#pending.set(word, { x, y, version, sent: false });
    this.#flush();
  }

  /** The connection is open: sends the moves again that were lost with the last one. */
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

  /** An own move came back. */
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
