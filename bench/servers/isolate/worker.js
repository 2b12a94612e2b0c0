// The floor under polls that the Worker holds: a Worker without an object. It takes the same POSTs as every Bayeux
// server, holds connects in its own isolate and answers them from the request that publishes. What it costs is what
// workerd asks for a request that is held and answered; whoever has an object behind it pays for that besides.
// Long-polling only; see bench/README.md.

const clients = new Map(); // by clientId: { events: that wait, isKnown, held: what answers its held connect }
const subscribers = new Map(); // by channel: a set of clients

/** A request that waits for nothing of its own is cancelled as hung. */
const PATIENCE = 60_000; // ms

export default {
  async fetch(request) {
    const [message] = JSON.parse(await request.text());
    const client = clients.get(message.clientId);
    switch (message.channel) {
      case '/meta/handshake':
        return handshake(message);
      case '/meta/subscribe':
        subscribe(client, message.subscription);
        return answer([reply(message, { subscription: message.subscription })]);
      case '/meta/connect':
        return connect(client, message, request);
      case '/meta/disconnect':
        return answer([reply(message)]);
      default:
        publish(message);
        return answer([reply(message)]);
    }
  },
};

function handshake(message) {
  const clientId = crypto.randomUUID();
  clients.set(clientId, { events: [], isKnown: false, held: null });
  return answer([reply(message, { clientId, version: '1.0', supportedConnectionTypes: ['long-polling'] })]);
}

function subscribe(client, channel) {
  if (!subscribers.has(channel)) subscribers.set(channel, new Set());
  subscribers.get(channel).add(client);
}

async function connect(client, message, request) {
  const mayWait = client.isKnown && message.advice?.timeout !== 0;
  client.isKnown = true;
  if (mayWait && client.events.length === 0) {
    request.signal.onabort = left;
    const { promise, resolve } = Promise.withResolvers();
    const timer = setTimeout(resolve, PATIENCE);
    client.held = resolve;
    await promise;
    clearTimeout(timer);
  }
  return answer([...client.events.splice(0), reply(message)]);
}

function publish({ channel, data }) {
  const event = JSON.stringify({ channel, data });
  for (const client of subscribers.get(channel) ?? []) {
    client.events.push(event);
    client.held?.();
    client.held = null;
  }
}

function left() {}

const reply = ({ channel, id }, more) => JSON.stringify({ channel, id, successful: true, ...more });

const HEADERS = { 'Content-Type': 'application/json' };

const answer = (messages) => new Response(`[${messages.join()}]`, { headers: HEADERS });
