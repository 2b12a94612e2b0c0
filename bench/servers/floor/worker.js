// The floor: just enough Bayeux over long-polling and WebSocket for the load generator, in a JavaScript Durable Object.
// It takes the same requests and frames as every Bayeux server, learns of clients that leave, and answers polls in
// turns as ours does, but checks nothing, keeps nothing and forgets nobody. What it costs, a Bayeux server on this
// platform cannot save. See bench/README.md.
import { DurableObject } from 'cloudflare:workers';

export default {
  fetch: (request, { SERVER }) => SERVER.getByName('/').fetch(request),
};

/** A turn is so many polls, or this part of those that are ready: src/bayeux/delivery/flush_pace.rs. */
const TURN = 16;

export class Server extends DurableObject {
  // By clientId: { events: that wait, isKnown: whether it has connected before, held: what answers its held connect,
  // socket }.
  #clients = new Map();
  #subscribers = new Map(); // by channel: a set of clients
  #ready = new Set();
  #timer = null;

  async fetch(request) {
    if (request.headers.has('Upgrade')) return this.#accept();
    const [message] = JSON.parse(await request.text());
    if (message.channel !== '/meta/connect') return answer([this.#reply(message)]);
    return this.#connect(this.#clients.get(message.clientId), message, request);
  }

  #accept() {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage(socket, text) {
    const [message] = JSON.parse(text);
    const client = this.#clients.get(message.clientId);
    if (client) client.socket = socket;
    // A socket's events do not wait for a connect, so only the first one is answered.
    const isHeld = message.channel === '/meta/connect' && client.isKnown && message.advice?.timeout !== 0;
    if (client && message.channel === '/meta/connect') client.isKnown = true;
    if (!isHeld) socket.send(`[${this.#reply(message)}]`);
  }

  webSocketClose(socket) {
    socket.close();
  }

  /** The reply to any message but a connect that is held. */
  #reply(message) {
    switch (message.channel) {
      case '/meta/handshake':
        return this.#handshake(message);
      case '/meta/subscribe':
        this.#subscribe(this.#clients.get(message.clientId), message.subscription);
        return reply(message, { subscription: message.subscription });
      case '/meta/connect':
      case '/meta/disconnect':
        return reply(message);
      default:
        this.#publish(message);
        return reply(message);
    }
  }

  #handshake(message) {
    const clientId = crypto.randomUUID();
    this.#clients.set(clientId, { events: [], isKnown: false, held: null, socket: null });
    return reply(message, { clientId, version: '1.0', supportedConnectionTypes: ['long-polling', 'websocket'] });
  }

  #subscribe(client, channel) {
    if (!this.#subscribers.has(channel)) this.#subscribers.set(channel, new Set());
    this.#subscribers.get(channel).add(client);
  }

  #connect(client, message, request) {
    const mayWait = client.isKnown && message.advice?.timeout !== 0;
    client.isKnown = true;
    // Events wait for their turn only where there is one.
    if (!mayWait || (client.events.length > 0 && !this.#timer)) return answer([...client.events.splice(0), reply(message)]);
    request.signal.onabort = left;
    if (client.events.length > 0) this.#ready.add(client);
    return new Promise((resolve) => {
      client.held = () => resolve(answer([...client.events.splice(0), reply(message)]));
    });
  }

  #publish({ channel, data }) {
    const event = JSON.stringify({ channel, data });
    for (const client of this.#subscribers.get(channel) ?? []) {
      if (client.socket) {
        client.socket.send(`[${event}]`);
        continue;
      }
      client.events.push(event);
      if (client.held) this.#ready.add(client);
    }
    if (!this.#timer) this.#flush();
  }

  /** The next turn comes when the platform is through with this one. */
  #flush() {
    const turn = [...this.#ready].slice(0, Math.max(TURN, Math.ceil(this.#ready.size / TURN)));
    for (const client of turn) {
      this.#ready.delete(client);
      client.held();
      client.held = null;
    }
    this.#timer = this.#ready.size > 0 ? setTimeout(() => this.#flush(), 1) : null;
  }
}

function left() {}

const reply = ({ channel, id }, more) => JSON.stringify({ channel, id, successful: true, ...more });

const HEADERS = { 'Content-Type': 'application/json' };

const answer = (messages) => new Response(`[${messages.join()}]`, { headers: HEADERS });
