// The messages on the page. Texts and names only become text nodes.
import { body } from './body.js';

/** Older messages are outside the page until the user scrolls up, so that a busy room does not slow it down. */
const SHOWN = 50;

/** Beyond this the oldest messages outside the page are dropped. */
const MAX_OLDER = 450;

/** Messages of one person within this time are grouped under one name. */
const TOGETHER = 5 * 60_000; // ms

/** The number of name colours in style.css. */
const COLORS = 8;

const MARKS = { pending: 'Waiting to be sent', failed: 'Not sent', sent: '' };

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const dayAndClock = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

export class MessageLog {
  #log = document.getElementById('log');
  #list = document.getElementById('messages');
  #newer = document.getElementById('newer');
  #told = new WeakMap(); // element → { from, name, time, number }
  #older = []; // elements, the oldest first
  #last = 0; // the highest number
  #own = new Map(); // id → element, of messages that may still change
  #atEnd = true;
  #onRetry;
  #onDiscard;
  #onFirst;

  /** Calls `onFirst(is)` with whether there is a message. */
  constructor({ onRetry, onDiscard, onFirst }) {
    this.#onFirst = onFirst;
    this.#onRetry = onRetry;
    this.#onDiscard = onDiscard;
    // Only a scroll of the user decides whether they are at the end. A new message, or a keyboard that covers half of
    // the screen, must not count as one.
    this.#log.addEventListener('scroll', () => {
      const { scrollHeight, scrollTop, clientHeight } = this.#log;
      this.#atEnd = scrollHeight - scrollTop - clientHeight < 40;
      if (this.#atEnd) this.#newer.hidden = true;
      if (scrollTop < 40) this.#showOlder();
    });
    new ResizeObserver(() => this.#atEnd && this.#toEnd()).observe(this.#log);
    this.#newer.addEventListener('click', () => {
      this.#toEnd();
      this.#log.focus();
    });
  }

  /**
   * Shows a message in the order of the numbers. Own messages without a number come last. `state` is for own messages:
   * 'pending', 'sent' or 'failed'.
   */
  message(message, state) {
    this.#onFirst(true);
    this.#add(this.#item(message, state), { toEnd: state !== undefined });
  }

  /** Moves an own message that came back from the room to its final place. Returns whether it was shown. */
  place({ id, number, time }) {
    const item = this.#own.get(id);
    if (!item || number === undefined) return item !== undefined;
    const next = item.nextElementSibling;
    Object.assign(this.#told.get(item), { number, time });
    if (item.dataset.state === 'sent') this.#own.delete(id);
    item.remove();
    this.#join(next);
    this.#add(item);
    return true;
  }

  /** Shows a note; `names` replace the asterisks of the text. */
  note(text, ...names) {
    const note = element('li', { className: 'note' });
    for (const [index, part] of text.split('*').entries()) {
      if (index > 0) note.append(element('bdi', { textContent: names[index - 1] }));
      note.append(part);
    }
    this.#told.set(note, { number: this.#last });
    this.#add(note);
  }

  mark(id, state) {
    const item = this.#own.get(id);
    if (!item) return;
    item.dataset.state = state;
    const mark = item.querySelector('.mark');
    mark.textContent = MARKS[state];
    if (state === 'failed') {
      mark.append(' ', button('Try again', () => this.#onRetry(id)), ' ', button('Discard', () => this.#discard(id)));
    }
    if (state === 'sent' && Number.isFinite(this.#told.get(item).number)) this.#own.delete(id);
  }

  #discard(id) {
    const item = this.#own.get(id);
    const { nextElementSibling: next } = item;
    this.#own.delete(id);
    item.remove();
    this.#join(next);
    if (this.#list.querySelector('.message') === null) this.#onFirst(false);
    this.#log.focus();
    this.#onDiscard(id);
  }

  #item({ id, from, name, text, time, number }, state) {
    const item = element('li', { className: 'message' });
    // Unsent messages come after all messages of the room.
    this.#told.set(item, { from, name, time, number: number ?? (state === 'pending' ? Infinity : this.#last) });
    item.append(this.#head({ from, name, time }), body(text));
    if (state === undefined) return item;
    item.classList.add('own');
    item.append(element('p', { className: 'mark' }));
    this.#own.set(id, item);
    this.mark(id, state);
    return item;
  }

  #head({ from, name, time }) {
    const head = element('p', { className: 'head' });
    const author = element('bdi', { className: 'author', textContent: name });
    author.dataset.color = from === null ? 0 : parseInt(from.slice(0, 4), 16) % COLORS;
    const date = new Date(time);
    const today = new Date().toDateString() === date.toDateString();
    const when = element('time', {
      dateTime: date.toISOString(),
      textContent: (today ? clock : dayAndClock).format(date),
      title: dayAndClock.format(date),
    });
    head.append(author, ' ', when);
    return head;
  }

  #add(item, { toEnd = false } = {}) {
    const stay = !toEnd && !this.#atEnd;
    const { number } = this.#told.get(item);
    if (Number.isFinite(number)) this.#last = Math.max(this.#last, number);
    let before = null;
    for (let other = this.#list.lastElementChild; other && this.#told.get(other).number > number; other = other.previousElementSibling) before = other;
    this.#list.insertBefore(item, before);
    this.#join(item);
    this.#join(before);
    if (!stay) {
      this.#hideOlder();
      this.#toEnd();
    }
    else if (item.classList.contains('message')) this.#newer.hidden = false;
  }

  #hideOlder() {
    while (this.#list.childElementCount > SHOWN) {
      const oldest = this.#list.firstElementChild;
      oldest.remove();
      this.#older.push(oldest);
    }
    if (this.#older.length > MAX_OLDER) this.#older.splice(0, this.#older.length - MAX_OLDER);
  }

  /** Adds older messages above; the messages in view do not move. */
  #showOlder() {
    const older = this.#older.splice(-SHOWN);
    if (older.length === 0) return;
    const { scrollHeight, scrollTop } = this.#log;
    this.#atEnd = false;
    this.#list.prepend(...older);
    for (const item of [...older, older.at(-1).nextElementSibling]) this.#join(item);
    this.#log.scrollTop = scrollTop + this.#log.scrollHeight - scrollHeight;
  }

  /** Groups a message with the one before it, if person and time are the same. */
  #join(item) {
    const { from, name, time } = this.#told.get(item) ?? {};
    const before = this.#told.get(item?.previousElementSibling);
    const follows = name !== undefined && before?.from === from && before.name === name && time - before.time < TOGETHER;
    item?.classList.toggle('follows', follows);
  }

  #toEnd() {
    this.#atEnd = true;
    this.#newer.hidden = true;
    this.#log.scrollTop = this.#log.scrollHeight;
  }
}

function button(textContent, onClick) {
  const made = element('button', { type: 'button', textContent });
  made.addEventListener('click', onClick);
  return made;
}

const element = (name, properties) => Object.assign(document.createElement(name), properties);
