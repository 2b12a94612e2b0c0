// The server API of this site. The key is in this module's memory and nowhere else.
let key;

/** From now on calls have this key. */
export const use = (text) => (key = text.trim());

/** The API's own words for why it refuses. */
export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

export async function call(method, path, query = {}, body) {
  const response = await fetch(`/cometd/api${path}?${new URLSearchParams(query)}`, {
    method,
    body: body && JSON.stringify(body),
    headers: { authorization: `Bearer ${key}` },
    credentials: 'omit',
    cache: 'no-store',
  });
  const answer = await response.json().catch(() => undefined);
  if (!response.ok) throw new Refused(response.status, answer?.[0]?.error ?? `HTTP ${response.status}`);
  return answer;
}
