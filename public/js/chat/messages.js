// What goes over a room's channel. Anybody may publish anything there: what is not one of these is nothing to us.

export const MAX_NAME = 60;
export const MAX_TEXT = 4000;

/** `join`: I am new, who is here? `here`: I am. `leave`: I go. `text`: what somebody wrote. */
const KINDS = new Set(['join', 'here', 'leave', 'text']);

export const tidyName = (typed) =>
  typed.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim().slice(0, MAX_NAME).toWellFormed();

/** The message, with only the fields that we know, or null. */
export function read(data, now) {
  if (data === null || typeof data !== 'object' || !KINDS.has(data.kind)) return null;
  const { kind, from, name, id, text, time } = data;
  if (!isId(from) || typeof name !== 'string') return null;
  const message = { kind, from, name: tidyName(name) };
  if (message.name === '') return null;
  if (kind !== 'text') return message;
  if (!isId(id) || typeof text !== 'string' || text.trim() === '' || text.length > MAX_TEXT) return null;
  // The writer's clock tells when it was written, however late it arrives; but nothing comes from the future.
  const written = Number.isFinite(time) && time > 0 ? Math.min(time, now) : now;
  return { ...message, id, text: text.toWellFormed(), time: written };
}

/** For a person or a message. Not `crypto.randomUUID`, which plain-HTTP pages of a local network do not have. */
export const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');

const isId = (value) => typeof value === 'string' && /^[0-9a-f]{24}$/.test(value);
