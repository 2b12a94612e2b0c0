// The magnets: one board for all who look, kept by nobody but them. Who comes tells what they know, and whoever knows
// more answers: after a while that differs from page to page, so that one answer serves all.
import { Connection } from '../connection.js';
import { newId } from '../ids.js';
import { read as readKept, write } from '../kept.js';
import * as status from '../status.js';
import { Board } from './board.js';
import { read, readPlaces } from './messages.js';
import { Moves } from './moves.js';
import { Pieces } from './pieces.js';
import { lines } from './poem.js';
import { WORDS } from './words.js';

const CHANNEL = '/magnets/board';

/** The longest time until an answer: most of a crowd have heard somebody else's before. */
const ANSWER = 400; // ms

const me = newId();
const board = new Board();
const said = document.getElementById('said');
const poem = document.getElementById('poem'); // not on the home page
let answering; // a timer

const pieces = new Pieces({
  placeOf: (word) => board.place(word),
  onMove(word, place) {
    moves.add(word, place, board.move(word, place));
    writePoem();
  },
  say: (text) => (said.textContent = text),
});
const connection = new Connection({ channels: new Map([[CHANNEL, receive]]), onState });
const moves = new Moves({
  send: (move) => connection.publish(CHANNEL, { kind: 'move', from: me, ...move }),
  refused: (error) => (said.textContent = `The server refused a move: ${error}`),
});

// What this tab saw last, for a reload while nobody else looks.
board.merge(readPlaces(readKept(() => JSON.parse(sessionStorage.board ?? 'null'), null)) ?? []);
addEventListener('pagehide', () => write(() => (sessionStorage.board = JSON.stringify(board.places()))));
WORDS.forEach((_, word) => pieces.show(word));
writePoem();
connection.start();

function receive(data) {
  const message = read(data);
  if (message?.kind === 'move') receiveMove(message);
  if (message?.kind === 'board') receiveBoard(message);
  writePoem();
}

function receiveMove({ from, word, ...place }) {
  if (from === me) moves.settle(word, place.version);
  else if (!moves.isPending(word)) board.moved(word, place);
  pieces.show(word);
}

function receiveBoard({ places }) {
  for (const word of board.merge(places, (word) => moves.isPending(word))) pieces.show(word);
  clearTimeout(answering);
  if (board.knowsMoreThan(places)) answering = setTimeout(tellBoard, Math.random() * ANSWER);
}

function tellBoard() {
  connection.publish(CHANNEL, { kind: 'board', from: me, places: board.places() });
}

function onState(state) {
  status.show(state);
  if (state !== 'connected') return moves.close();
  moves.open();
  tellBoard();
}

function writePoem() {
  const text = lines(board.places())
    .map((line) => line.map((word) => WORDS[word]).join(' '))
    .join('\n');
  if (poem && poem.textContent !== text) poem.textContent = text;
}
