// What a browser keeps. It may refuse (private windows, a full disk): the pages then work without.

/** What was kept, or `otherwise`. */
export function read(get, otherwise) {
  try {
    return get();
  } catch {
    return otherwise;
  }
}

export function write(set) {
  try {
    set();
  } catch {
    // see above
  }
}

/** An array that was kept as JSON, or an empty one. */
export function list(stored) {
  const value = read(() => JSON.parse(stored() ?? '[]'), []);
  return Array.isArray(value) ? value : [];
}
