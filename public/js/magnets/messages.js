// The messages of the board's channels: one channel for each word, which keeps its latest move (RETAIN), and one for
// all pointers. Anybody may publish anything there, so other messages are ignored.
import { isId } from '../ids.js';
import { WORDS } from './words.js';

export const MOVES = '/magnets/words/*';
export const CURSORS = '/magnets/cursors';

/** An upper bound of a word's moves. */
const MAX_VERSION = 1e9;

export const wordChannel = (word) => MOVES.replace('*', word);

/** `{ from, word, x, y, version }`, the word's new place; null for any other message. */
export function readMove(channel, data) {
  const word = WORDS.findIndex((_, word) => wordChannel(word) === channel);
  const { from, x, y, version } = data ?? {};
  const counts = Number.isInteger(version) && version >= 0 && version <= MAX_VERSION;
  return word >= 0 && isId(from) && isPart(x) && isPart(y) && counts ? { from, word, x, y, version } : null;
}

/** `{ from, x, y }`, a pointer's place, without `x` and `y` when it left; null for any other message. */
export function readCursor(data) {
  const { from, x, y } = data ?? {};
  if (!isId(from)) return null;
  if (x === undefined && y === undefined) return { from };
  return isPart(x) && isPart(y) ? { from, x, y } : null;
}

const isPart = (part) => typeof part === 'number' && part >= 0 && part <= 1;
