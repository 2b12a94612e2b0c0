// The words on the page, each a button that a pointer or the keyboard moves.
import { lines } from './poem.js';
import { rounded, WORDS } from './words.js';

/** The step of an arrow key, as a fraction of the board; with Shift a quarter of it. */
const STEP = 0.04;

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** A place in words. */
const inWords = ({ x, y }) => `${Math.round(x * 100)} across, ${Math.round(y * 100)} down`;

export class Pieces {
  #board = document.getElementById('board');
  #buttons;
  #held = null; // { word, before, grip }: grip is the pointer's place in the word, null for the keyboard
  #placeOf;
  #onMove;
  #say;

  /**
   * `placeOf(word)` returns a word's place, `onMove(word, place)` moves it, and `say(text)` announces it to screen
   * readers.
   */
  constructor({ placeOf, onMove, say }) {
    this.#placeOf = placeOf;
    this.#onMove = onMove;
    this.#say = say;
    this.#buttons = WORDS.map((_, word) => this.#button(word));
    this.#board.replaceChildren(...this.#buttons);
    this.#focusable(0);
    this.#board.addEventListener('keydown', (event) => this.#onKey(event));
  }

  isHeld(word) {
    return this.#held?.word === word;
  }

  show(word) {
    const { x, y } = this.#placeOf(word);
    const { style } = this.#buttons[word];
    style.setProperty('--x', x);
    style.setProperty('--y', y);
  }

  #button(word) {
    const button = Object.assign(document.createElement('button'), { type: 'button', textContent: WORDS[word] });
    button.setAttribute('aria-pressed', 'false');
    button.addEventListener('pointerdown', (event) => this.#grip(word, event));
    button.addEventListener('pointermove', (event) => this.#drag(word, event));
    button.addEventListener('pointerup', (event) => this.#release(event, false));
    button.addEventListener('pointercancel', (event) => this.#release(event, true));
    button.addEventListener('focus', () => this.#focusable(word));
    // A word that was picked up by keyboard is put down when the focus leaves it.
    button.addEventListener('blur', () => this.isHeld(word) && this.#held.grip === null && this.#drop());
    return button;
  }

  #grip(word, event) {
    if (event.button !== 0 || this.#held?.grip) return;
    if (this.#held) this.#drop();
    const button = this.#buttons[word];
    const box = button.getBoundingClientRect();
    button.setPointerCapture(event.pointerId);
    const grip = { pointer: event.pointerId, across: event.clientX - box.left, down: event.clientY - box.top };
    this.#pick(word, grip);
  }

  #drag(word, { pointerId, clientX, clientY }) {
    if (!this.isHeld(word) || this.#held.grip?.pointer !== pointerId) return;
    const { grip } = this.#held;
    const board = this.#board.getBoundingClientRect();
    const button = this.#buttons[word].getBoundingClientRect();
    this.#move(word, {
      x: (clientX - grip.across - board.left - this.#board.clientLeft) / (this.#board.clientWidth - button.width),
      y: (clientY - grip.down - board.top - this.#board.clientTop) / (this.#board.clientHeight - button.height),
    });
  }

  #release({ pointerId }, back) {
    if (this.#held?.grip?.pointer !== pointerId) return;
    if (back) this.#putBack();
    this.#letGo();
  }

  #onKey(event) {
    const word = this.#buttons.indexOf(event.target);
    if (word < 0 || event.altKey || event.ctrlKey || event.metaKey || this.#held?.grip) return;
    const arrow = ARROWS[event.key];
    if (arrow) this.isHeld(word) ? this.#push(word, arrow, event.shiftKey ? STEP / 4 : STEP) : this.#go(word, arrow);
    else if (event.key === 'Enter' || event.key === ' ') this.isHeld(word) ? this.#drop() : this.#pickUp(word);
    else if (event.key === 'Escape' && this.isHeld(word)) this.#putDownWhereItWas();
    else return;
    event.preventDefault();
  }

  #pickUp(word) {
    this.#pick(word, null);
    this.#say(`${WORDS[word]} picked up, at ${inWords(this.#placeOf(word))}`);
  }

  #push(word, [right, down], step) {
    const { x, y } = this.#placeOf(word);
    this.#move(word, { x: x + right * step, y: y + down * step });
    this.#say(inWords(this.#placeOf(word)));
  }

  #drop() {
    const { word } = this.#held;
    this.#letGo();
    const line = lines(WORDS.map((_, each) => this.#placeOf(each))).find((words) => words.includes(word));
    this.#say(`${WORDS[word]} laid down. Its line: ${line.map((each) => WORDS[each]).join(' ')}`);
  }

  #putDownWhereItWas() {
    const { word } = this.#held;
    this.#putBack();
    this.#letGo();
    this.#say(`${WORDS[word]} put back`);
  }

  /** Moves the focus to the next word in reading order. */
  #go(word, [right, down]) {
    const order = lines(WORDS.map((_, each) => this.#placeOf(each))).flat();
    const next = order[order.indexOf(word) + right + down];
    if (next !== undefined) this.#buttons[next].focus();
  }

  #pick(word, grip) {
    const { x, y } = this.#placeOf(word);
    this.#held = { word, before: { x, y }, grip };
    this.#buttons[word].setAttribute('aria-pressed', 'true');
  }

  #letGo() {
    this.#buttons[this.#held.word].setAttribute('aria-pressed', 'false');
    this.#held = null;
  }

  #putBack() {
    this.#move(this.#held.word, this.#held.before);
  }

  #move(word, { x, y }) {
    this.#onMove(word, { x: rounded(x), y: rounded(y) });
    this.show(word);
  }

  /** The board is one stop for the Tab key; the arrow keys go from word to word. */
  #focusable(word) {
    this.#buttons.forEach((button, each) => (button.tabIndex = each === word ? 0 : -1));
  }
}
