// The magnets: one board for all visitors. The server keeps each word's latest move, and sends it to new visitors.
import { Connection } from '../connection.js';
import { newId } from '../ids.js';
import * as status from '../status.js';
import { Board } from './board.js';
import { Cursors } from './cursors.js';
import { CURSORS, MOVES, readCursor, readMove, wordChannel } from './messages.js';
import { Moves } from './moves.js';
import { Pieces } from './pieces.js';
import { lines } from './poem.js';
import { WORDS } from './words.js';

const me = newId();
const board = new Board();
const said = document.getElementById('said');
const poem = document.getElementById('poem'); // not on the home page
let connected = false;

const pieces = new Pieces({
  placeOf: (word) => board.place(word),
  onMove(word, place) {
    moves.add(word, place, board.move(word, place));
    writePoem();
  },
  say: (text) => (said.textContent = text),
});
const cursors = new Cursors({ tell: (place) => connected && connection.publish(CURSORS, { from: me, ...place }) });
const connection = new Connection({
  channels: new Map([
    [MOVES, (data, { channel }) => receive(readMove(channel, data))],
    [CURSORS, (data) => point(readCursor(data))],
  ]),
  onState,
});
const moves = new Moves({
  send: ({ word, ...place }) => connection.publish(wordChannel(word), { from: me, ...place }),
  refused: (error) => (said.textContent = `The server refused a move: ${error}`),
});

WORDS.forEach((_, word) => pieces.show(word));
writePoem();
connection.start();

function receive(move) {
  if (move === null) return;
  const { from, word, ...place } = move;
  if (from === me) moves.settle(word, place.version);
  else if (!moves.isPending(word)) board.moved(word, place);
  pieces.show(word);
  writePoem();
}

function point(cursor) {
  if (cursor !== null && cursor.from !== me) cursors.show(cursor);
}

function onState(state) {
  status.show(state);
  connected = state === 'connected';
  if (connected) return moves.open();
  moves.close();
  cursors.clear();
}

function writePoem() {
  const text = lines(board.places())
    .map((line) => line.map((word) => WORDS[word]).join(' '))
    .join('\n');
  if (poem && poem.textContent !== text) poem.textContent = text;
}
