// The yardstick: a Durable Object that only holds requests and answers them, and sends to all sockets what one of them
// says. What is slower than this, the protocol costs; what is faster, the server gains by answering less often. See
// bench/README.md.
//   GET  /poll?room&c       held until something is published; what came meanwhile is answered at once
//   GET  /poll?room&c&t=0   makes the client known, and is answered at once
//   POST /pub?room          its body, a JSON value, goes to every client of the room
//   GET  /ws?room&role=sub  a socket, which gets each frame that comes; with role=pub it gets none
import { DurableObject } from 'cloudflare:workers';

export default {
  fetch(request, env) {
    const room = new URL(request.url).searchParams.get('room');
    return env.ROOM.get(env.ROOM.idFromName(room)).fetch(request);
  },
};

export class Room extends DurableObject {
  #clients = new Map(); // by c: { queue: events that came between two polls, answer: the held request's }

  fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === '/poll') return this.#poll(searchParams.get('c'), searchParams.get('t') === '0');
    if (pathname === '/pub') return this.#publish(request);
    if (pathname === '/ws') return this.#accept(searchParams.get('role'));
    return new Response('not found', { status: 404 });
  }

  webSocketMessage(socket, message) {
    for (const subscriber of this.ctx.getWebSockets('sub')) subscriber.send(message);
  }

  webSocketClose(socket) {
    socket.close();
  }

  #accept(role) {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server, [role]);
    return new Response(null, { status: 101, webSocket: client });
  }

  #poll(name, atOnce) {
    const client = this.#client(name);
    client.answer?.([]); // overtaken: one poll of a client is held
    client.answer = null;
    if (atOnce || client.queue.length > 0) return respond(client.queue.splice(0));
    return new Promise((resolve) => {
      client.answer = (events) => resolve(respond(events));
    });
  }

  async #publish(request) {
    const event = await request.text();
    for (const client of this.#clients.values()) {
      if (client.answer) {
        client.answer([event]);
        client.answer = null;
      } else {
        client.queue.push(event);
      }
    }
    return respond([]);
  }

  #client(name) {
    let client = this.#clients.get(name);
    if (!client) this.#clients.set(name, (client = { queue: [], answer: null }));
    return client;
  }
}

const HEADERS = { 'Content-Type': 'application/json' };

const respond = (events) => new Response(`[${events.join()}]`, { headers: HEADERS });
