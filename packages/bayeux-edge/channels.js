// Channel names and patterns, with the same rules as src/bayeux/wire/channel.rs. No imports: pages use this file too.

/** The longest name, in bytes and in segments: the server refuses longer names. */
const MAX_LENGTH = 512;
const MAX_DEPTH = 32;

/** `/chat/demo`: a channel that clients can publish to. */
export const isChannel = (name) => isName(name) && segments(name).every(isSegment);

/** A channel, or a name that ends in `/*` or `/**`: clients can subscribe to it. */
export function isPattern(name) {
  if (!isName(name)) return false;
  const all = segments(name);
  const last = all.pop();
  return (isSegment(last) || last === '*' || last === '**') && all.every(isSegment);
}

/** Whether `pattern` matches every channel that `name` matches. A `name` without a wildcard is just one channel. */
export function covers(pattern, name) {
  if (!isPattern(pattern) || !isPattern(name)) return false;
  const [wide, narrow] = [canonical(pattern), canonical(name)];
  if (wide.endsWith('/**')) return narrow.startsWith(wide.slice(0, -2));
  if (!wide.endsWith('/*')) return wide === narrow;
  const last = narrow.startsWith(wide.slice(0, -1)) ? narrow.slice(wide.length - 1) : '';
  return last !== '' && last !== '**' && !last.includes('/');
}

/**
 * Whether there is a channel that both match. Wildcards only end a pattern, so one of the two then covers the other.
 */
export const overlaps = (pattern, other) => covers(pattern, other) || covers(other, pattern);

/**
 * The segments that a template like `/rooms/{room}/{what}` names, or null if the channel has another form.
 * Only for a channel: a pattern may match many rooms.
 */
export function params(template, channel) {
  if (!isChannel(channel)) return null;
  const [form, given] = [segments(template), segments(channel)];
  if (form.length !== given.length) return null;
  const found = {};
  for (const [place, segment] of form.entries()) {
    const name = /^\{(.+)\}$/.exec(segment)?.[1];
    if (name !== undefined) found[name] = given[place];
    else if (segment !== given[place]) return null;
  }
  return found;
}

const isSegment = (segment) => /^[A-Za-z0-9_!~()$@. #+{}-]+$/.test(segment);
/** `/a/` is `/a`. */
const canonical = (name) => (name.length > 1 && name.endsWith('/') ? name.slice(0, -1) : name);
const segments = (name) => canonical(name).split('/').slice(1);

const isName = (name) => typeof name === 'string' && name.startsWith('/') && name.length <= MAX_LENGTH && segments(name).length <= MAX_DEPTH;
