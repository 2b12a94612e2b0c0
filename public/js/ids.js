// Names that nobody else has, for people and messages.

/** Not `crypto.randomUUID`, which plain-HTTP pages of a local network do not have. */
export const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');

export const isId = (value) => typeof value === 'string' && /^[0-9a-f]{24}$/.test(value);
