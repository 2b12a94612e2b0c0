// What goes over a room's channel. Anybody may publish anything there: what is not one of these is nothing to us.
import { isId, newId } from '../ids.js';

export const MAX_NAME = 60;
export const MAX_TEXT = 4000;

/**
 * `join`: I am new, who is here? `here`: I am. `leave`: I go. `text`: what somebody wrote. To one person alone: `ask`:
 * what was said? and `recall`: that.
 */
const KINDS = new Set(['join', 'here', 'leave', 'text', 'ask', 'recall']);

/** Of a recall; nobody sends more. */
const MAX_RECALLED = 50;

/** What programs are called that do not say. */
const NAMELESS = 'Somebody';

/** A name in one line and not too long, or '' if there is nothing in it to be seen. */
export function tidyName(typed) {
  // Marks that turn the direction of writing would turn what stands beside the name.
  const tidy = typed.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}\s\u202a-\u202e\u2066-\u2069]+/gu, ' ').trim();
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(tidy) ? [...tidy].slice(0, MAX_NAME).join('').trim() : '';
}

/** The message, with only the fields that we know, or null. */
export function read(data, now) {
  if (data === null || typeof data !== 'object') return null;
  if (data.kind === undefined) return readSimple(data, now);
  const { kind, from, name, id, text, time, texts } = data;
  if (!KINDS.has(kind) || !isId(from) || typeof name !== 'string') return null;
  const message = { kind, from, name: tidyName(name) };
  if (message.name === '') return null;
  if (kind === 'recall') return { ...message, texts: readTexts(texts, now) };
  if (kind !== 'text') return message;
  if (!isId(id) || !isText(text)) return null;
  // The writer's clock tells when it was written, however late it arrives; but nothing comes from the future.
  const written = Number.isFinite(time) && time > 0 ? Math.min(time, now) : now;
  return { ...message, id, text: text.toWellFormed(), time: written };
}

/** `{ text, name }`, the name at will, is what a program writes that is nobody in the room: it is `from` nobody. */
function readSimple({ name, text }, now) {
  if (!isText(text)) return null;
  const tidy = typeof name === 'string' ? tidyName(name) : '';
  return { kind: 'text', from: null, name: tidy || NAMELESS, id: newId(), text: text.toWellFormed(), time: now };
}

function readTexts(texts, now) {
  if (!Array.isArray(texts)) return [];
  return texts
    .slice(-MAX_RECALLED)
    .map((data) => read(data, now))
    .filter((message) => message?.kind === 'text' && message.from !== null);
}

const isText = (value) => typeof value === 'string' && value.trim() !== '' && value.length <= MAX_TEXT;
