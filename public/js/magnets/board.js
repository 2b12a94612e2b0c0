// The place of each word. Moves are applied as they come: the server delivers them to all clients in one order, and
// keeps the latest move of each word for new clients.
import { start, WORDS } from './words.js';

export class Board {
  #places = WORDS.map((_, word) => ({ ...start(word), version: 0 }));

  place(word) {
    return this.#places[word];
  }

  /** Applies an own move. Returns its version, which identifies it when it comes back. */
  move(word, { x, y }) {
    const version = this.#places[word].version + 1;
    this.#places[word] = { x, y, version };
    return version;
  }

  /** Applies a move from the server. A new client does not know the earlier versions. */
  moved(word, { x, y, version }) {
    this.#places[word] = { x, y, version: Math.max(this.#places[word].version + 1, version) };
  }

  places() {
    return this.#places;
  }
}
