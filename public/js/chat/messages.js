// What goes over a room's channel. Anybody may publish anything there: what is not one of these is nothing to us.
import { isId, newId } from '../ids.js';

export const MAX_NAME = 60;
export const MAX_TEXT = 4000;


/** What programs are called that do not say. */
export const NAMELESS = 'Somebody';

/** A name in one line and not too long, or '' if there is nothing in it to be seen. */
export function tidyName(typed) {
  // Marks that turn the direction of writing would turn what stands beside the name.
  const tidy = typed.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}\s\u202a-\u202e\u2066-\u2069]+/gu, ' ').trim();
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(tidy) ? [...tidy].slice(0, MAX_NAME).join('').trim() : '';
}

/**
 * The text that somebody wrote, with only the fields that we know, or null. A room that keeps its events tells when it
 * was written, and by its number which comes first; elsewhere it was written now.
 */
export function read(data, now, { createdDate, replayId: number } = {}) {
  if (data === null || typeof data !== 'object') return null;
  const time = createdDate === undefined ? now : Date.parse(createdDate);
  if (data.kind === undefined) return readSimple(data, { time, number });
  const { kind, from, name, id, text } = data;
  if (kind !== 'text' || !isId(from) || typeof name !== 'string' || !isId(id) || !isText(text)) return null;
  const tidy = tidyName(name);
  return tidy === '' ? null : { from, name: tidy, id, text: text.toWellFormed(), time, number };
}

/** `{ text, name }`, the name at will, is what a program writes that is nobody in the room: it is `from` nobody. */
function readSimple({ name, text }, placed) {
  if (!isText(text)) return null;
  const tidy = typeof name === 'string' ? tidyName(name) : '';
  return { from: null, name: tidy || NAMELESS, id: newId(), text: text.toWellFormed(), ...placed };
}

const isText = (value) => typeof value === 'string' && value.trim() !== '' && value.length <= MAX_TEXT;
