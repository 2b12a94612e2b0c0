// The pointers of other users over the board. Each page publishes its own while it moves. They are not kept.
import { rounded } from './words.js';

/** ms between two published places. The style sheet animates other pointers for the same time. */
const PACE = 200;

/** A pointer that has not moved for this time is hidden. */
const RESTS = 10_000; // ms

/** The most pointers that are shown, because anybody may publish invented ones. */
const MOST = 50;

export class Cursors {
  #board = document.getElementById('board');
  #tell;
  #others = new Map(); // from → { dot, rests }
  #place = null;
  #told = null;
  #timer;

  /** Calls `tell(place)` with `{ x, y }`, or with `{}` when the pointer has left. */
  constructor({ tell }) {
    this.#tell = tell;
    this.#board.addEventListener('pointermove', ({ clientX, clientY }) => this.#moves(clientX, clientY));
    for (const end of ['pointerleave', 'pointercancel']) this.#board.addEventListener(end, () => this.#goes({}));
  }

  /** Another user's pointer moved, or has left. */
  show({ from, x, y }) {
    const known = this.#others.get(from);
    clearTimeout(known?.rests);
    if (x === undefined) return this.#remove(from);
    if (!known && this.#others.size >= MOST) return;
    const dot = known?.dot ?? this.#dot(from);
    dot.style.setProperty('--x', x);
    dot.style.setProperty('--y', y);
    this.#others.set(from, { dot, rests: setTimeout(() => this.#remove(from), RESTS) });
  }

  /** The connection is lost: no pointers are known. */
  clear() {
    for (const [from, { rests }] of this.#others) {
      clearTimeout(rests);
      this.#remove(from);
    }
  }

  #dot(from) {
    const dot = Object.assign(document.createElement('span'), { className: 'pointer' });
    dot.setAttribute('aria-hidden', 'true');
    dot.style.setProperty('--hue', parseInt(from.slice(0, 4), 16) % 360);
    return this.#board.appendChild(dot);
  }

  #remove(from) {
    this.#others.get(from)?.dot.remove();
    this.#others.delete(from);
  }

  #moves(clientX, clientY) {
    const { left, top } = this.#board.getBoundingClientRect();
    const { clientLeft, clientTop, clientWidth, clientHeight } = this.#board;
    const [x, y] = [(clientX - left - clientLeft) / clientWidth, (clientY - top - clientTop) / clientHeight];
    this.#goes({ x: rounded(x), y: rounded(y) });
  }

  /** Publishes only the latest of places that come fast. */
  #goes(place) {
    this.#place = place;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#place !== this.#told) this.#tell((this.#told = this.#place));
    }, PACE);
  }
}
