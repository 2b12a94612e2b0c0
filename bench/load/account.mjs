// What is delivered and how long it took. A message carries "T<run>=<µs>;S=<number>;P=<padding>" in its data, and
// deliveries are found by looking for that in the bytes of an answer: parsing JSON would cost more than all the rest.
import { randomBytes } from 'node:crypto';

const microseconds = () => Math.round(performance.now() * 1000);

export class Account {
  /** Names this run, so that what an earlier one left on the server is not counted. */
  run = randomBytes(3).toString('hex');
  published = 0;
  received = 0;
  /** Answers to polls, or frames with messages; with less than one per delivery, the rest is batching. */
  answers = 0;
  errors = 0;
  /** Called with each delivered message's number. */
  onDelivery = null;

  #mark = Buffer.from(`T${this.run}=`);
  #padding;
  #reasons = new Map();
  #latencies = [];
  #measuredFrom = Infinity;

  constructor({ pad }) {
    this.#padding = 'x'.repeat(pad);
  }

  /** The data of the next message; its number is then `published`. */
  message() {
    this.published += 1;
    return { m: `T${this.run}=${microseconds()};S=${this.published};P=${this.#padding}` };
  }

  /** Counts the deliveries in the bytes of an answer, or of a frame. */
  scan(bytes) {
    for (let at = bytes.indexOf(this.#mark); at >= 0; at = bytes.indexOf(this.#mark, at)) {
      at += this.#mark.length;
      let sent = 0;
      for (; isDigit(bytes[at]); at++) sent = sent * 10 + bytes[at] - 48;
      at += ';S='.length;
      let number = 0;
      for (; isDigit(bytes[at]); at++) number = number * 10 + bytes[at] - 48;
      this.received += 1;
      if (sent >= this.#measuredFrom) this.#latencies.push(microseconds() - sent);
      this.onDelivery?.(number);
    }
  }

  /** From now on latencies are kept, of what is published from now on. */
  measure() {
    this.#measuredFrom = microseconds();
  }

  /** Ends that, and gives the latencies' percentiles in ms by name: `percentiles({ p50: 0.5 })`. */
  percentiles(wanted) {
    this.#measuredFrom = Infinity;
    const sorted = Float64Array.from(this.#latencies).sort();
    const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] / 1000;
    return Object.fromEntries(
      Object.entries(wanted).map(([name, part]) => [name, sorted.length ? Number(at(part).toFixed(2)) : null]),
    );
  }

  fail(reason) {
    this.errors += 1;
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
  }

  /** How often what failed: the first few reasons. */
  why() {
    return Object.fromEntries([...this.#reasons].slice(0, 4));
  }
}

const isDigit = (byte) => byte >= 48 && byte <= 57;
