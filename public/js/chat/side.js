// The side bar: people and rooms. On a narrow screen a button opens it.
import { MAX_ROOM, roomName, roomPath } from './rooms.js';

/** From this width on the side bar is always shown. style.css has the same width. */
const narrow = matchMedia('(max-width: 47.99rem)');

export class Side {
  #side = document.getElementById('side');
  #toggle = document.getElementById('toggle');
  #count = document.getElementById('count');
  #people = document.getElementById('people');

  constructor({ room, rooms, onRename }) {
    this.#toggle.addEventListener('click', () => this.#show(this.#toggle.getAttribute('aria-expanded') === 'false'));
    addEventListener('keydown', ({ key }) => {
      if (key !== 'Escape' || !narrow.matches || this.#toggle.getAttribute('aria-expanded') === 'false') return;
      this.#show(false);
      this.#toggle.focus();
    });
    document.getElementById('rename').addEventListener('click', onRename);
    document.getElementById('rooms').replaceChildren(...rooms.map((name) => roomLink(name, name === room)));
    const go = document.getElementById('go');
    go.elements.room.maxLength = MAX_ROOM;
    go.addEventListener('submit', (event) => {
      event.preventDefault();
      location.assign(roomPath(roomName(go.elements.room.value)));
    });
  }

  /** `me` first, then the others; `count` if they are too many to be named. */
  people(me, others, count) {
    const here = count ?? others.length + 1;
    this.#count.textContent = here;
    this.#toggle.setAttribute('aria-label', `People and rooms: ${here} here`);
    const self = person(me.name);
    self.append(' ', Object.assign(document.createElement('span'), { className: 'you', textContent: '(you)' }));
    const crowd = count === null ? [] : [Object.assign(document.createElement('li'), { textContent: `and ${count - 1} others` })];
    this.#people.replaceChildren(self, ...others.map(({ name }) => person(name)), ...crowd);
  }

  #show(shown) {
    this.#toggle.setAttribute('aria-expanded', shown);
    this.#side.classList.toggle('shown', shown);
  }
}

function person(name) {
  const item = document.createElement('li');
  item.append(Object.assign(document.createElement('bdi'), { textContent: name }));
  return item;
}

function roomLink(room, here) {
  const item = document.createElement('li');
  const link = Object.assign(document.createElement('a'), { href: roomPath(room) });
  if (here) link.setAttribute('aria-current', 'page');
  link.append(Object.assign(document.createElement('bdi'), { textContent: room }));
  item.append(link);
  return item;
}
