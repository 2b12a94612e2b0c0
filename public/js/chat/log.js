// The messages on the page. Texts and names of others only ever become text nodes.
import { withLinks } from './links.js';

/** Older ones leave the page, so that a day in a busy room does not slow it down. */
const MAX_SHOWN = 500;

/** Messages of one person within this time stand under one name. */
const TOGETHER = 5 * 60_000; // ms

/** As many colours as style.css has for names. */
const COLORS = 8;

const MARKS = { pending: 'Waiting to be sent', failed: 'Not sent', sent: '' };

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const dayAndClock = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

export class MessageLog {
  #log = document.getElementById('log');
  #list = document.getElementById('messages');
  #newer = document.getElementById('newer');
  #last = null;
  #own = new Map(); // id → element, of those that still may change
  #atEnd = true;
  #onRetry;

  constructor({ onRetry }) {
    this.#onRetry = onRetry;
    // Whether the reader is at the end is asked of the scroll position only when they have scrolled: a new message
    // or a keyboard that takes half of the screen must not look like a reader who has left it.
    this.#log.addEventListener('scroll', () => {
      const { scrollHeight, scrollTop, clientHeight } = this.#log;
      this.#atEnd = scrollHeight - scrollTop - clientHeight < 40;
      if (this.#atEnd) this.#newer.hidden = true;
    });
    new ResizeObserver(() => this.#atEnd && this.#toEnd()).observe(this.#log);
    this.#newer.addEventListener('click', () => {
      this.#toEnd();
      this.#log.focus();
    });
  }

  /** `state` is that of an own message: 'pending', 'sent' or 'failed'. */
  message({ id, from, name, text, time }, state) {
    const follows = this.#last?.from === from && this.#last.name === name && time - this.#last.time < TOGETHER;
    this.#last = { from, name, time };
    const item = element('li', { className: 'message' });
    item.classList.toggle('follows', follows);
    item.classList.toggle('own', state !== undefined);
    item.append(this.#head({ from, name, time }), body(text));
    if (state !== undefined) {
      item.append(element('p', { className: 'mark' }));
      this.#own.set(id, item);
    }
    this.#add(item, { toEnd: state !== undefined });
    if (state !== undefined) this.mark(id, state);
  }

  /** Something that happened; `names` stand where the text has an asterisk. */
  note(text, ...names) {
    this.#last = null;
    const note = element('li', { className: 'note' });
    for (const [index, part] of text.split('*').entries()) {
      if (index > 0) note.append(element('bdi', { textContent: names[index - 1] }));
      note.append(part);
    }
    this.#add(note, { toEnd: false });
  }

  mark(id, state) {
    const item = this.#own.get(id);
    if (!item) return;
    item.dataset.state = state;
    const mark = item.querySelector('.mark');
    mark.textContent = MARKS[state];
    if (state === 'failed') {
      const again = element('button', { type: 'button', textContent: 'Try again' });
      again.addEventListener('click', () => this.#onRetry(id));
      mark.append(' ', again);
    }
    if (state === 'sent') this.#own.delete(id);
  }

  #head({ from, name, time }) {
    const head = element('p', { className: 'head' });
    const author = element('bdi', { className: 'author', textContent: name });
    author.dataset.color = parseInt(from.slice(0, 4), 16) % COLORS;
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

  #add(item, { toEnd }) {
    const stay = !toEnd && !this.#atEnd;
    this.#list.append(item);
    if (this.#list.childElementCount > MAX_SHOWN) this.#list.firstElementChild.remove();
    if (!stay) this.#toEnd();
    else if (item.classList.contains('message')) this.#newer.hidden = false;
  }

  #toEnd() {
    this.#atEnd = true;
    this.#newer.hidden = true;
    this.#log.scrollTop = this.#log.scrollHeight;
  }
}

function body(text) {
  const paragraph = element('p', { className: 'text', dir: 'auto' });
  for (const { text: part, href } of withLinks(text))
    paragraph.append(
      href ? element('a', { href, textContent: part, target: '_blank', rel: 'noopener noreferrer nofollow' }) : part,
    );
  return paragraph;
}

const element = (name, properties) => Object.assign(document.createElement(name), properties);
