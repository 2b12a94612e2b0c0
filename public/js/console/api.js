// Calls of the server API. The key is only in this module's memory.
let key;

/** Sets the key for all later calls. */
export const use = (text) => (key = text.trim());

/** The error in a refusal of the API. */
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
