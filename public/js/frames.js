// What goes over the wire, shown as it goes: an extension of cometd.js that writes each message to a list.

/** Messages that are shown. */
const MAX_SHOWN = 40;

export class Frames {
  #list;
  #started = performance.now();

  /** `list` is an `<ol>`; the newest message stands first. */
  constructor(list) {
    this.#list = list;
  }

  outgoing(message) {
    // After the other extensions, which add to it.
    queueMicrotask(() => this.#show('→', 'sent', message));
    return message;
  }

  incoming(message) {
    this.#show('←', 'received', message);
    return message;
  }

  #show(arrow, direction, message) {
    const item = document.createElement('li');
    item.dataset.direction = direction;
    item.dataset.channel = message.channel;
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(2);
    item.append(part('small', `${seconds} s`), part('b', `${arrow} ${message.channel}`), part('code', JSON.stringify(message, mask)));
    item.querySelector('b').ariaLabel = `${direction} ${message.channel}`;
    this.#list.prepend(item);
    this.#list.children[MAX_SHOWN]?.remove();
  }
}

/** Whoever knows a clientId is that client: a picture of this page should not tell it. */
const mask = (name, value) => (name === 'clientId' ? `${String(value).slice(0, 5)}…` : value);

const part = (name, textContent) => Object.assign(document.createElement(name), { textContent });
