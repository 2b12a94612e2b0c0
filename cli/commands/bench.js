// bayeux bench: how long events take to reach some clients, at a steady rate.
import { setTimeout as sleep } from 'node:timers/promises';
import { outcome } from '../connection.js';
import { Refused, within, WrongUsage } from '../failure.js';
import { channel, COUNT, seconds } from '../usage.js';

export const usage = 'bench URL CHANNEL';
export const summary = 'measures how long events take to reach some clients';
export const about = `Some clients subscribe to CHANNEL, and one more publishes on it at a steady rate. Then it prints how many
events arrived, how many are missing, and how long they took, in ms from the publish to the client.

All clients run in this one process, so the load is small: the command measures latency, not the server's capacity.
Publishes do not wait for each other. Messages of other publishers are not counted. It is still a load: run it only
against your own servers.`;

/** A server allows 1,000 connections of one address by default; this process would be the bottleneck before that. */
const MAX_CLIENTS = 500;

/** About this many publishes and events keep this process busy for a second. */
const MAX_RATE = 1000;

const { short: _, ...NUMBER } = COUNT;

export const options = {
  clients: { ...NUMBER, help: `how many clients subscribe: 10, ${MAX_CLIENTS} at most`, parse: atMost(MAX_CLIENTS) },
  rate: { ...NUMBER, help: `how many messages a second are published: 10, ${MAX_RATE} at most`, parse: atMost(MAX_RATE) },
  seconds: { type: 'string', value: 'SECONDS', parse: seconds, help: 'for how long: 10' },
  bytes: { ...NUMBER, help: 'of text in each message: 100' },
};

export function operands([name, ...more]) {
  if (name === undefined) throw new WrongUsage('the channel to publish on is missing');
  if (more.length > 0) throw new WrongUsage('a CHANNEL is one argument');
  return [channel(name)];
}

export async function run({ connection, another, output, patience, options, operands: [name] }) {
  const { clients = 10, rate = 10, seconds: duration = 10, bytes = 100 } = options;
  const load = new Load(Math.max(1, Math.round(rate * duration)), bytes);
  const subscribers = Array.from({ length: clients }, another);
  const broken = Promise.race(subscribers.map(({ failed }) => failed));
  broken.catch(() => {}); // told by the race below
  for (const subscriber of subscribers) subscriber.onEvent = (message) => message.channel === name && load.arrives(message.data);
  const opening = Promise.all([connection.open(patience), ...subscribers.map((subscriber) => subscriber.open(patience, [name]))]);
  await Promise.race([opening, broken]);
  output.note(`${clients === 1 ? '1 client listens' : `${clients} clients listen`} on ${name} (${connection.transport})`);
  const replies = await Promise.race([published(connection, name, load, rate), broken]);
  const refused = replies.find((reply) => outcome(reply) === 'refused');
  const taken = replies.filter((reply) => outcome(reply) === 'taken').length;
  if (taken === 0) throw new Refused(`${name}: ${connection.why(refused ?? replies[0])}`);
  if (refused) output.note(`some were refused: ${connection.why(refused)}`);
  // Events missing after that are a figure in the result, not a failure of the command.
  await within(patience, load.arrived(taken * clients), '').catch(() => {});
  output.record(load.figures({ clients, transport: connection.transport, taken }));
}

/** Publishes at the rate without waiting for replies, and returns the replies. */
async function published(connection, name, load, rate) {
  const replies = [];
  const started = performance.now();
  for (const number of load.numbers()) {
    const wait = started + (number * 1000) / rate - performance.now();
    if (wait > 0) await sleep(wait);
    replies.push(connection.send(name, [load.leaves(number)]));
  }
  return (await Promise.all(replies)).flat();
}

/** Counts sent and received messages. */
class Load {
  /** Identifies the events of this run among others on the channel. */
  #run = Math.random().toString(36).slice(2);
  #left;
  #text;
  #times = [];
  #wanted = Infinity;
  #whole;

  constructor(messages, bytes) {
    this.#left = new Array(messages);
    this.#text = 'x'.repeat(bytes);
  }

  numbers = () => this.#left.keys();

  leaves(number) {
    this.#left[number] = performance.now();
    return { run: this.#run, number, text: this.#text };
  }

  arrives(data) {
    const left = data?.run === this.#run ? this.#left[data.number] : undefined;
    if (left === undefined) return;
    this.#times.push(performance.now() - left);
    if (this.#times.length >= this.#wanted) this.#whole();
  }

  /** Resolves when this number has arrived. */
  arrived(wanted) {
    this.#wanted = wanted;
    return new Promise((resolve) => {
      this.#whole = resolve;
      if (this.#times.length >= wanted) resolve();
    });
  }

  figures({ clients, transport, taken }) {
    const times = this.#times.toSorted((a, b) => a - b);
    const received = times.length;
    // Those that took no longer are this part of all.
    const part = (share) => (received === 0 ? null : Number(times[Math.ceil(share * received) - 1].toFixed(1)));
    return {
      clients,
      transport,
      published: this.#left.length,
      refused: this.#left.length - taken,
      received,
      missing: Math.max(0, taken * clients - received),
      p50: part(0.5),
      p95: part(0.95),
      p99: part(0.99),
      max: part(1),
    };
  }
}

function atMost(most) {
  return (text, name) => {
    const number = COUNT.parse(text, name);
    if (number > most) throw new WrongUsage(`${name} takes ${most} at most`);
    return number;
  };
}
