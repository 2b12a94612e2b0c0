// An event stream (HTML standard, section 9.2) as it goes over the wire.
import { Agent, request } from 'node:http';
import { reset } from './reset.mjs';
import { until } from './server.mjs';

/** No answer may take longer: it has hung then. */
const PATIENCE = 15_000; // ms

/** A connection of its own for each stream, which can be broken without any other's being so. */
const agent = new Agent({ keepAlive: false });

export class EventStream {
  /** What came: each event as its data is, parsed. */
  events = [];
  /** The comments that came: signs of life. */
  beats = 0;
  /** Whether the server has ended it: 'end', or 'cut' where it broke off. */
  over = undefined;
  #text = '';

  /** Resolves once the response has begun; with another status than 200, `text` is what the server says. */
  static open(url, { headers } = {}) {
    return new Promise((resolve, reject) => {
      const timer = AbortSignal.timeout(PATIENCE);
      const asked = request(url, { agent, headers: { accept: 'text/event-stream', ...headers } });
      const late = () => asked.destroy(new Error(`GET ${url}: no answer`));
      timer.addEventListener('abort', late);
      asked.once('response', (incoming) => {
        timer.removeEventListener('abort', late);
        resolve(new EventStream(asked, incoming));
      });
      asked.on('error', reject);
      asked.end();
    });
  }

  constructor(asked, incoming) {
    this.asked = asked;
    this.status = incoming.statusCode;
    this.headers = incoming.headers;
    this.incoming = incoming;
    incoming.setEncoding('utf8');
    incoming.on('data', (piece) => this.#read(piece));
    incoming.once('end', () => (this.over ??= 'end'));
    incoming.on('error', () => (this.over ??= 'cut'));
  }

  /** What the server says that refuses. */
  async refusal() {
    await until(() => this.over, 'the answer does not end');
    return JSON.parse(this.#text);
  }

  /** Each event's messages, once there are as many events. */
  async hears(count, patience) {
    await until(() => this.events.length >= count, () => `${this.events.length} of ${count} events came`, patience);
    return this.events;
  }

  /** The data of all messages, once there are as many. */
  async data(count, patience) {
    const all = () => this.events.flat().map(({ data }) => data);
    await until(() => all().length >= count, () => `${all().length} of ${count} messages came`, patience);
    return all();
  }

  /** Once the server has ended it. How. */
  ends(patience) {
    return until(() => this.over, 'the stream does not end', patience);
  }

  /** Reads no more, as a client that is busy, until it is resumed. */
  pause = () => this.incoming.pause();
  resume = () => this.incoming.resume();

  /** Breaks the connection (RST). */
  cut() {
    reset(this.asked.socket);
  }

  #read(piece) {
    this.#text += piece;
    if (this.status !== 200) return;
    const blocks = this.#text.split('\n\n');
    this.#text = blocks.pop();
    for (const block of blocks) {
      const lines = block.split('\n');
      const data = lines.filter((line) => line.startsWith('data: ')).map((line) => line.slice('data: '.length));
      if (data.length > 0) this.events.push(JSON.parse(data.join('\n')));
      if (lines.some((line) => line.startsWith(':'))) this.beats += 1;
    }
  }
}
