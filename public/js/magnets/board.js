// Where each word lies. A move counts as soon as it comes, and the server brings all moves to all in one order: that is
// what keeps the boards alike. Boards that are sent as a whole, to those who come, or come back, may be older than what
// happened since: of each word they bring the newer place, by the number of its moves.
import { start, WORDS } from './words.js';

export class Board {
  #places = WORDS.map((_, word) => ({ ...start(word), version: 0 }));

  place(word) {
    return this.#places[word];
  }

  /** A move of our own. Returns its version. */
  move(word, { x, y }) {
    const version = this.#places[word].version + 1;
    this.#places[word] = { x, y, version };
    return version;
  }

  /** Somebody's move. Who has just come may not know how many there were. */
  moved(word, { x, y, version }) {
    this.#places[word] = { x, y, version: Math.max(this.#places[word].version + 1, version) };
  }

  /**
   * Takes the newer places of a whole board, but not of the words that `held` tells. Returns the words that changed.
   */
  merge(places, held = () => false) {
    return places.flatMap((place, word) => {
      if (held(word) || compare(place, this.#places[word]) <= 0) return [];
      this.#places[word] = place;
      return [word];
    });
  }

  /** Whether those of another board would learn something from ours. */
  knowsMoreThan(places) {
    return places.some((place, word) => compare(this.#places[word], place) > 0);
  }

  /** All places, as they are sent and kept. */
  places() {
    return this.#places;
  }
}

/**
 * Two who moved a word in different parts of a broken network may have counted alike: then it is the place that tells.
 */
const compare = (a, b) => a.version - b.version || a.x - b.x || a.y - b.y;
