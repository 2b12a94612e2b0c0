// The parts of the magnets page that need no browser: equal boards, moves under way, messages of the channels, the
// poem.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Board } from '../../public/js/magnets/board.js';
import { readCursor, readMove, wordChannel } from '../../public/js/magnets/messages.js';
import { Moves } from '../../public/js/magnets/moves.js';
import { lines } from '../../public/js/magnets/poem.js';
import { rounded, start, WORDS } from '../../public/js/magnets/words.js';
import { until } from './support/server.mjs';

const from = 'f'.repeat(24);
const MOON = 1;

test('every word starts on the board, at a place of its own', () => {
  const places = WORDS.map((_, word) => start(word));
  for (const { x, y } of places) assert.ok(x >= 0 && x <= 1 && y >= 0 && y <= 1);
  assert.equal(new Set(places.map(({ x, y }) => `${x} ${y}`)).size, WORDS.length);
  assert.deepEqual([-1, 0.123456, 7].map(rounded), [0, 0.1235, 1]);
});

test('boards that receive the same moves in the same order are equal, whatever versions they had before', () => {
  const [ada, bob] = [new Board(), new Board()];
  for (let moves = 0; moves < 5; moves += 1) ada.move(MOON, { x: 0.1, y: 0.1 });
  for (const board of [ada, bob]) {
    board.moved(MOON, { x: 0.2, y: 0.2, version: 9 });
    board.moved(MOON, { x: 0.3, y: 0.3, version: 1 });
  }
  assert.deepEqual(ada.place(MOON), { x: 0.3, y: 0.3, version: 10 });
  assert.deepEqual(bob.place(MOON), ada.place(MOON));
});

test('a message that is no move and no pointer is ignored', () => {
  const place = { x: 0.5, y: 1, version: 3 };
  const move = { from, ...place };
  assert.deepEqual(readMove(wordChannel(MOON), { ...move, html: '<b>' }), { ...move, word: MOON });
  for (const channel of ['/magnets/words/x', '/magnets/words/01', `/magnets/words/${WORDS.length}`, '/magnets/cursors']) assert.equal(readMove(channel, move), null, channel);
  const strange = [
    ...[null, undefined, 1, 'move', [], {}, { ...move, from: 'me' }],
    ...[-0.1, 1.1, null, '0', Number.NaN].flatMap((part) => [{ ...move, x: part }, { ...move, y: part }]),
    ...[-1, 0.5, 1e12, null].map((version) => ({ ...move, version })),
  ];
  for (const data of strange) assert.equal(readMove(wordChannel(MOON), data), null, JSON.stringify(data));

  assert.deepEqual(readCursor({ from, x: 0, y: 1, html: '<b>' }), { from, x: 0, y: 1 });
  assert.deepEqual(readCursor({ from }), { from });
  for (const data of [null, 1, {}, { from: 'me', x: 0, y: 0 }, { from, x: 0 }, { from, x: 2, y: 0 }, { from, x: '0', y: 0 }]) assert.equal(readCursor(data), null, JSON.stringify(data));
});

test('of several waiting moves only the latest of each word is sent, and a lost one is sent again', async () => {
  const sent = [];
  const replies = [];
  const moves = new Moves({ send: (move) => new Promise((resolve) => sent.push(move) && replies.push(resolve)), refused: assert.fail });
  moves.add(MOON, { x: 0, y: 0 }, 1);
  assert.equal(sent.length, 0, 'there is no connection yet');
  moves.open();
  for (const version of [2, 3, 4]) moves.add(MOON, { x: version / 10, y: 0 }, version);
  assert.deepEqual(sent, [{ word: MOON, x: 0, y: 0, version: 1 }]);
  replies[0]({ outcome: 'taken' });
  await until(() => sent.length === 2, 'the next one is not sent');
  assert.deepEqual(sent[1], { word: MOON, x: 0.4, y: 0, version: 4 });
  moves.settle(MOON, 1);
  assert.ok(moves.isPending(MOON), 'an older one came back');
  moves.close();
  replies[1]({ outcome: 'lost' });
  moves.open();
  await until(() => sent.length === 3, 'it is not sent again');
  assert.deepEqual(sent[2], sent[1]);
  moves.settle(MOON, 4);
  assert.ok(!moves.isPending(MOON));
});

test('a refused move is reported, and not sent again', async () => {
  const errors = [];
  const moves = new Moves({ send: async () => ({ outcome: 'refused', error: '403::no' }), refused: (error) => errors.push(error) });
  moves.open();
  moves.add(MOON, { x: 0, y: 0 }, 1);
  await until(() => errors.length > 0, 'nobody is told');
  assert.ok(!moves.isPending(MOON));
  assert.deepEqual(errors, ['403::no']);
});

test('the poem reads line by line, from the left', () => {
  const at = (x, y) => ({ x, y });
  assert.deepEqual(lines([at(0.9, 0.5), at(0.1, 0.51), at(0.5, 0.1), at(0.2, 0.9)]), [[2], [1, 0], [3]]);
  assert.deepEqual(lines([]), []);
});
