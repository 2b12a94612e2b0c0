// What goes over the board's channel. Anybody may publish anything there: what is not one of these is nothing to us.
import { isId } from '../ids.js';
import { WORDS } from './words.js';

/** More moves than a word ever has. */
const MAX_VERSION = 1e9;

/** `move`: one word lies here now. `board`: this is all that I know; who knows more, tell. Otherwise null. */
export function read(data) {
  if (data === null || typeof data !== 'object' || !isId(data.from)) return null;
  const { kind, from, word } = data;
  if (kind === 'board') {
    const places = readPlaces(data.places);
    return places && { kind, from, places };
  }
  if (kind !== 'move' || typeof word !== 'number' || !Object.hasOwn(WORDS, word)) return null;
  const place = readPlace(data);
  return place && { kind, from, word, ...place };
}

/** The places of all words, or null. */
export function readPlaces(places) {
  if (!Array.isArray(places) || places.length !== WORDS.length) return null;
  const all = places.map(readPlace);
  return all.includes(null) ? null : all;
}

function readPlace(place) {
  const { x, y, version } = place ?? {};
  const fits = [x, y].every((part) => typeof part === 'number' && part >= 0 && part <= 1);
  return fits && Number.isInteger(version) && version >= 0 && version <= MAX_VERSION ? { x, y, version } : null;
}
