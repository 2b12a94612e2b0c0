// Publishes what happens in a backend: node publish.mjs /news '{"headline":"It works"}'
// The address of the server is in BAYEUX_URL, a key of its API in BAYEUX_KEY. It needs Node.js 20, and nothing else.
const { BAYEUX_URL = 'http://localhost:8787/cometd', BAYEUX_KEY } = process.env;

/**
 * Publishes messages, `{ channel, data }`, in one call, and resolves with their replies. Those that are refused are an
 * error.
 */
export async function publish(...messages) {
  const response = await fetch(`${BAYEUX_URL}/api/publish`, {
    method: 'POST',
    headers: { authorization: `Bearer ${BAYEUX_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(messages),
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  const replies = await response.json();
  const refused = replies.find(({ successful }) => !successful);
  if (refused) throw new Error(`${refused.channel}: ${refused.error}`);
  return replies;
}

const [channel, data] = process.argv.slice(2);
console.log(JSON.stringify(await publish({ channel, data: JSON.parse(data) })));
