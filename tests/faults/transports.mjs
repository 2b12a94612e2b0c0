// How a client sends to the server, and nothing more: it neither repeats nor repairs anything.
//
// `send(messages)` resolves with the reply to the last message. It rejects with `Lost` where none came: the server may
// have had the messages or not. `hear(messages)` is told everything that came, as it came.
//
// A transport that listens has a `listen(clientId, begun)` besides, for as long as its stream is open.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventStream } from '../e2e/support/event-stream.mjs';
import { request } from '../e2e/support/http.mjs';

export class Lost extends Error {}

/** No answer may take longer: it has hung then. More than any time a connect is held here. */
const TIMEOUT = 15_000; // ms

export class LongPolling {
  name = 'long-polling';
  #url;
  #hear;

  constructor(url, hear) {
    this.#url = url;
    this.#hear = hear;
  }

  async send(messages) {
    const answer = await request(this.#url, { headers: { 'content-type': 'application/json' }, body: JSON.stringify(messages) }).catch((error) => {
      throw new Lost(error.message);
    });
    // An object that was killed or evicted has no answer to what it held, and workerd makes one of its own.
    if (!Array.isArray(answer.json)) throw new Lost(`${answer.status} ${answer.text.slice(0, 80)}`);
    if (answer.status === 200) this.#hear(answer.json);
    return answer.json.find(({ id }) => id === messages.at(-1).id) ?? answer.json.at(-1);
  }

  close() {}
}

/** Sends as polls do, and hears by an event stream. */
export class OverEventSource extends LongPolling {
  name = 'eventsource';
  #url;
  #hear;
  #stream;

  constructor(url, hear) {
    super(url, hear);
    [this.#url, this.#hear] = [url, hear];
  }

  /** Calls `begun` when the response has begun. Rejects with `Lost` when it is over; resolves with what refuses it. */
  async listen(clientId, begun) {
    const lost = ({ message }) => {
      throw new Lost(message);
    };
    const stream = (this.#stream = await EventStream.open(`${this.#url}/${clientId}`).catch(lost));
    if (stream.status !== 200) return (await stream.refusal().catch(lost))[0];
    begun();
    const hear = () => stream.events.splice(0).forEach(this.#hear);
    stream.incoming.on('data', hear);
    hear(); // what came with the head
    if (!stream.incoming.closed) await once(stream.incoming, 'close').catch(() => {});
    throw new Lost(`the stream is over: ${stream.over}`);
  }

  close() {
    this.#stream?.cut();
  }
}

export class OverWebSocket {
  name = 'websocket';
  #url;
  #hear;
  #connection;

  constructor(url, hear) {
    this.#url = url.replace(/^http/, 'ws');
    this.#hear = hear;
  }

  send(messages) {
    if (!this.#connection || this.#connection.isBroken) this.#connection = new Connection(this.#url, this.#hear);
    return this.#connection.send(messages);
  }

  close() {
    this.#connection?.close();
  }
}

/** One socket, from its opening to its end. */
class Connection {
  isBroken = false;
  #socket;
  #open;
  #broken;
  #asked = new Map();

  constructor(url, hear) {
    this.#socket = new WebSocket(url);
    this.#open = new Promise((resolve) => this.#socket.addEventListener('open', resolve));
    this.#broken = new Promise((_, reject) => {
      const broke = () => {
        this.isBroken = true;
        reject(new Lost('the socket broke'));
      };
      // Node tells of an opening that fails by an error alone.
      for (const event of ['error', 'close']) this.#socket.addEventListener(event, broke);
    });
    this.#broken.catch(() => {}); // told to those who send
    this.#socket.addEventListener('message', ({ data }) => this.#receive(JSON.parse(data), hear));
  }

  async send(messages) {
    const { id } = messages.at(-1);
    const { promise, resolve } = Promise.withResolvers();
    const patience = new AbortController();
    const tired = sleep(TIMEOUT, undefined, { signal: patience.signal }).then(() => {
      this.close();
      throw new Lost('no answer');
    });
    tired.catch(() => {}); // called off
    try {
      await Promise.race([this.#open, this.#broken, tired]);
      this.#asked.set(id, resolve);
      this.#socket.send(JSON.stringify(messages));
      return await Promise.race([promise, this.#broken, tired]);
    } finally {
      patience.abort();
      this.#asked.delete(id);
    }
  }

  close() {
    this.#socket.close();
  }

  #receive(messages, hear) {
    hear(messages);
    for (const reply of messages.filter((message) => 'successful' in message)) {
      this.#asked.get(reply.id)?.(reply);
    }
  }
}
