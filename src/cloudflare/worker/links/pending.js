// The pending requests of one home, which wait for answers over links of one name, and what has not been sent yet.
import { encode, EventStream } from './event_stream.js';
import { HeldRequest } from './held_request.js';

/** How long the link's owner may leave undone what is to be done, ms: one that ended without notice does nothing. */
const SILENCE = 5000;

/** The same where nobody has looked for some time, ms. */
const LONG_SILENCE = 15_000;

/** Characters of one frame, about: the object takes 32 MiB. */
const FRAME = 1 << 20;

/** What a stream's number in a list costs, bytes. */
const NUMBER = 8;

/** A home's requests that wait for answers over links of one name. */
export class PendingRequests {
  name = crypto.randomUUID();
  waiting = new Map(); // by number
  queue = []; // what has not been sent: requests, and other entries as they are
  link = null;
  opening = 0; // since when somebody opens a link
  #undone = 0; // since when the owner has something to do
  #suspected = 0; // since when it was seen not to do so
  #last = 0;

  add(held) {
    this.#last += 1;
    [held.pending, held.number, held.sent] = [this, this.#last, false];
    this.waiting.set(held.number, held);
    this.push(held);
  }

  push(entry) {
    this.#undone ||= Date.now();
    this.queue.push(entry);
  }

  /** Sends one more entry. */
  say(entry) {
    this.push(entry);
    this.link?.kick();
  }

  /** A request's client has left, or needs no answer any more. */
  leave({ number, sent }) {
    if (!this.waiting.delete(number)) return;
    if (sent) this.say([number]);
    else this.queue = this.queue.filter((entry) => entry.number !== number);
  }

  /** A frame has come. */
  hear(link, data) {
    for (const [to, text, status = 200, format, retry] of JSON.parse(data)) {
      if (to === undefined) this.repeat();
      else if (Array.isArray(to)) {
        const bytes = encode(text);
        link.inOrder(() => this.#write(to, bytes), bytes.length + NUMBER * to.length, () => this.#cut(to));
      } else {
        const answer = typeof text === 'object' ? text : { status, text, format, retry };
        const end = () => this.#end(to, answer);
        if (this.waiting.get(to) instanceof EventStream) link.inOrder(end, NUMBER + (answer.text?.length ?? 0), () => this.#cut([to]));
        else end();
      }
    }
  }

  /** Streams bring this. */
  #write(numbers, bytes) {
    for (const number of numbers) {
      const stream = this.waiting.get(number);
      if (stream) stream.write(bytes);
      else this.say([number]); // its client has left
    }
  }

  /** Streams miss what was for them: their clients open them again. */
  #cut(numbers) {
    for (const number of numbers) this.waiting.get(number)?.cut();
  }

  #end(number, answer) {
    const held = this.waiting.get(number);
    if (!held) return; // its client has left
    this.waiting.delete(number);
    held.end(answer);
  }

  /** It is over; who still waits. What comes for them after all is for nobody. */
  close() {
    const left = this.entries();
    this.waiting.clear();
    this.queue = [];
    this.link?.retire();
    return left;
  }

  entries() {
    return [...this.waiting.values()];
  }

  /** Whoever is likely to wait for longest, a stream or a connect, of those that were asked least often. */
  heir() {
    const waiting = this.entries();
    const least = waiting.reduce((least, { turns }) => Math.min(least, turns), Infinity);
    const rested = waiting.filter(({ turns }) => turns === least);
    const heir = rested.findLast((held) => held.isRepeatable()) ?? rested.at(-1);
    if (heir) heir.turns += 1;
    return heir;
  }

  /**
   * Whether nobody has its link any more, or opens one, although nobody has said so. To be asked now and then. After a
   * short silence only the second look counts: the isolate may have stood still.
   */
  isLost() {
    const now = Date.now();
    if (this.link) {
      // Whether it is still there shows in what it does.
      this.#undone ||= now;
      this.link.kick();
    }
    const since = this.link ? this.#undone : this.opening;
    if (since === 0 || now - since <= SILENCE) this.#suspected = 0;
    else if (this.#suspected === 0) this.#suspected = now;
    return this.#suspected > 0 && (now - this.#suspected > SILENCE || now - since > LONG_SILENCE);
  }

  /**
   * Repeats the waiting requests for an object that has slept. It knows those that came after it woke, and whether
   * others may have been processed.
   */
  repeat() {
    for (const held of this.waiting.values()) if (held.sent) this.push(held.sendAgain());
    this.say([]);
  }

  /** Frames of what has not been sent yet. */
  take() {
    [this.#undone, this.#suspected] = [0, 0];
    const frames = [];
    let entries = [];
    let length = 0;
    for (const entry of this.queue) {
      const text = JSON.stringify(entry instanceof HeldRequest ? entry.send() : entry);
      if (length + text.length > FRAME && entries.length > 0) {
        frames.push(`[${entries}]`);
        [entries, length] = [[], 0];
      }
      entries.push(text);
      length += text.length;
    }
    this.queue = [];
    if (entries.length > 0) frames.push(`[${entries}]`);
    return frames;
  }
}
