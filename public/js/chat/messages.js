// The messages of a room's channel. Anybody may publish anything there, so other messages are ignored.
import { isId, newId } from '../ids.js';

export const MAX_NAME = 60;
export const MAX_TEXT = 4000;


/** The name of a program that sends none. */
export const NAMELESS = 'Somebody';

/** A name in one line and not too long, or '' if it has no visible character. */
export function tidyName(typed) {
  // Marks that change the direction of writing would also change the text beside the name.
  const tidy = typed.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}\s\u202a-\u202e\u2066-\u2069]+/gu, ' ').trim();
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(tidy) ? [...tidy].slice(0, MAX_NAME).join('').trim() : '';
}

/**
 * A message with only its known fields, or null. In a room with history the event has its time and its number, which
 * gives the order. In other rooms the time is now.
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

/** A program that is not in the room sends `{ text, name }`, where `name` is optional. Such a message has no `from`. */
function readSimple({ name, text }, placed) {
  if (!isText(text)) return null;
  const tidy = typeof name === 'string' ? tidyName(name) : '';
  return { from: null, name: tidy || NAMELESS, id: newId(), text: text.toWellFormed(), ...placed };
}

const isText = (value) => typeof value === 'string' && value.trim() !== '' && value.length <= MAX_TEXT;
