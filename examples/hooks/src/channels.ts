// Names of channels and patterns, as a subscribe has them: `/**` hears `/members/tea`, though it does not begin with
// `/members/`.

/** Whether `pattern` matches every channel that `name`, a channel or a pattern, matches. */
export function covers(pattern: string, name: string): boolean {
  if (pattern.endsWith('/**')) return name.startsWith(pattern.slice(0, -2));
  if (!pattern.endsWith('/*') || !name.startsWith(pattern.slice(0, -1))) return pattern === name;
  const last = name.slice(pattern.length - 1);
  return last !== '**' && !last.includes('/');
}

/**
 * Whether some channel matches both. This is what to ask before a subscribe is allowed: would it hear anything of
 * `/members/**`?
 */
export const overlaps = (one: string, other: string): boolean => covers(one, other) || covers(other, one);
