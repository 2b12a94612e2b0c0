// The magnets page in a real browser: several visitors at one board.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startServer } from '../../scripts/lib/server.mjs';
import { join as joins } from './support/bayeux.mjs';
import { browser, PHONE } from './support/browser.mjs';
import { until } from './support/server.mjs';

const chromium = await browser();

/** A person at the board. */
class Poet {
  static async join(server, options) {
    const poet = new Poet(await chromium.visit(`${server.url}/magnets/`, options));
    await poet.status('Connected');
    return poet;
  }

  constructor(page) {
    this.page = page;
  }

  async status(text) {
    await this.page.locator('#status').filter({ hasText: text }).waitFor();
  }

  word(text) {
    return this.page.getByRole('button', { name: text, exact: true });
  }

  /** Where a word lies: across and down, 0 to 1. */
  place(text) {
    return this.word(text).evaluate(({ style }) => ['--x', '--y'].map((name) => Number(style.getPropertyValue(name))));
  }

  /** Takes a word and moves it to a place, in some steps; it is still held then. */
  async drag(text, [x, y]) {
    const box = await this.word(text).boundingBox();
    const board = await this.page.locator('#board').boundingBox();
    await this.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await this.page.mouse.down();
    const [across, down] = [x * (board.width - box.width), y * (board.height - box.height)];
    await this.page.mouse.move(board.x + across + box.width / 2, board.y + down + box.height / 2, { steps: 10 });
  }

  async drop() {
    await this.page.mouse.up();
  }
}

const near = ([x, y], [a, b]) => Math.hypot(x - a, y - b) < 0.02;

/** Waits until all have the same board, and gives it. */
const agree = (...poets) =>
  until(
    async () => {
      const boards = await Promise.all(
        poets.map(({ page }) => page.locator('#board button').evaluateAll((words) => words.map(({ style }) => style.cssText).join('\n'))),
      );
      return new Set(boards).size === 1 && boards[0];
    },
    'their boards differ',
    20_000,
  );

/** Waits until a word lies about there. */
const lies = (poet, text, place) => until(async () => near(await poet.place(text), place), `${text} does not lie at ${place}`, 20_000);

test('two visitors drag at once, different words and the same one, and have the same board in the end', async (t) => {
  const server = await start(t);
  const [ada, bob] = await Promise.all([Poet.join(server), Poet.join(server)]);
  await Promise.all([ada.drag('moon', [0.2, 0.1]), bob.drag('river', [0.8, 0.1])]);
  // While it is held, the other one sees it move.
  await Promise.all([lies(bob, 'moon', [0.2, 0.1]), lies(ada, 'river', [0.8, 0.1])]);
  await Promise.all([ada.drop(), bob.drop()]);
  await Promise.all([ada.drag('storm', [0.3, 0.2]), bob.drag('storm', [0.7, 0.2])]);
  await Promise.all([ada.drop(), bob.drop()]);
  await agree(ada, bob);
  const place = await ada.place('storm');
  assert.ok(near(place, [0.3, 0.2]) || near(place, [0.7, 0.2]), `it lies at ${place}`);
});

test('a later visitor sees the board, and after a reload too', async (t) => {
  const server = await start(t);
  const ada = await Poet.join(server);
  await ada.drag('honey', [0.5, 0.1]);
  await ada.drop();
  const bob = await Poet.join(server);
  await lies(bob, 'honey', [0.5, 0.1]);
  await ada.page.reload();
  await ada.status('Connected');
  await lies(ada, 'honey', [0.5, 0.1]);
  await bob.page.close();
  await ada.page.reload();
  await ada.status('Connected');
  await lies(ada, 'honey', [0.5, 0.1]); // the server tells
  await agree(ada, await Poet.join(server));
});

test('each visitor sees the other’s pointer, until it leaves', async (t) => {
  const server = await start(t);
  const [ada, bob] = await Promise.all([Poet.join(server), Poet.join(server)]);
  const board = await ada.page.locator('#board').boundingBox();
  await ada.page.mouse.move(board.x + board.width * 0.3, board.y + board.height * 0.1);
  const pointer = bob.page.locator('#board .pointer');
  await pointer.waitFor();
  const place = () => pointer.evaluate(({ style }) => ['--x', '--y'].map((name) => Number(style.getPropertyValue(name))));
  await until(async () => near(await place(), [0.3, 0.1]), 'it points elsewhere');
  assert.equal(await ada.page.locator('#board .pointer').count(), 0, 'nobody sees a dot for themselves');
  await ada.page.mouse.move(board.x - 5, board.y - 5);
  await pointer.waitFor({ state: 'detached' });
});

test('a new visitor sees the board when nobody is left, and after a restart', async (t) => {
  const persistTo = await mkdtemp(join(tmpdir(), 'bayeux-edge-magnets-'));
  t.after(() => rm(persistTo, { recursive: true, force: true }));
  const first = await start(t, { persistTo });
  const ada = await Poet.join(first);
  await ada.drag('wild', [0.6, 0.1]);
  await ada.drop();
  const settled = await Poet.join(first);
  await lies(settled, 'wild', [0.6, 0.1]);
  await Promise.all([ada.page.context().close(), settled.page.context().close()]);
  await first.stop();
  await lies(await Poet.join(await start(t, { persistTo })), 'wild', [0.6, 0.1]);
});

test('after a restart of the server the moves made meanwhile arrive', async (t) => {
  const first = await start(t);
  const [ada, bob] = await Promise.all([Poet.join(first), Poet.join(first)]);
  await ada.drag('dance', [0.1, 0.1]);
  await ada.drop();
  await lies(bob, 'dance', [0.1, 0.1]);
  await first.stop();
  await Promise.all([ada, bob].map((poet) => poet.status('Reconnecting')));
  await ada.drag('love', [0.4, 0.1]);
  await bob.drag('wild', [0.6, 0.1]);
  await Promise.all([ada.drop(), bob.drop()]);
  await start(t, { port: first.port });
  await Promise.all([ada, bob].map((poet) => poet.status('Connected')));
  await Promise.all([lies(bob, 'love', [0.4, 0.1]), lies(ada, 'wild', [0.6, 0.1])]);
  await agree(ada, bob);
  await lies(bob, 'dance', [0.1, 0.1]);
});

test('a visitor who was offline gets the missed moves', async (t) => {
  const server = await start(t);
  const [ada, bob] = await Promise.all([Poet.join(server), Poet.join(server)]);
  await bob.page.context().setOffline(true);
  await bob.status('Reconnecting');
  await ada.drag('sea', [0.9, 0.05]);
  await ada.drop();
  await bob.page.context().setOffline(false);
  await bob.status('Connected');
  await lies(bob, 'sea', [0.9, 0.05]);
  await agree(ada, bob);
});

test('everything works by keyboard, and is announced to screen readers', async (t) => {
  const server = await start(t);
  const [ada, bob] = await Promise.all([Poet.join(server), Poet.join(server)]);
  const said = (text) => ada.page.locator('#said').filter({ hasText: text }).waitFor();
  const { keyboard } = ada.page;
  await ada.page.locator('.site a').last().focus();
  await keyboard.press('Tab');
  const focused = () => ada.page.locator(':focus');
  assert.equal(await focused().textContent(), 'the');
  assert.notEqual(await focused().evaluate((element) => getComputedStyle(element).outlineStyle), 'none');
  const before = await ada.place('the');
  await keyboard.press('Enter');
  await said(/^the picked up, at \d+ across, \d+ down$/);
  for (let steps = 0; steps < 5; steps += 1) await keyboard.press('ArrowRight');
  await keyboard.press('Shift+ArrowUp');
  const there = [before[0] + 0.2, before[1] - 0.01];
  assert.ok(near(await ada.place('the'), there));
  await keyboard.press(' ');
  await said(/^the laid down\. Its line: /);
  await lies(bob, 'the', there);
  await keyboard.press('Enter');
  await keyboard.press('ArrowUp');
  await keyboard.press('Escape');
  await said('the put back');
  await agree(ada, bob);
  assert.deepEqual(await ada.place('the'), await bob.place('the'));
  assert.ok(near(await bob.place('the'), there));
  await keyboard.press('ArrowDown'); // not held: to the next word
  assert.notEqual(await focused().textContent(), 'the');
  await keyboard.press('Tab');
  assert.equal(await ada.page.locator('#board :focus').count(), 0, 'the Tab key stops at every word');
});

test('a finger drags a word, and does not scroll the page', async (t) => {
  const server = await start(t);
  const [ada, bob] = await Promise.all([Poet.join(server, { viewport: PHONE, hasTouch: true, isMobile: true }), Poet.join(server)]);
  const word = await ada.word('light').boundingBox();
  const board = await ada.page.locator('#board').boundingBox();
  const devtools = await ada.page.context().newCDPSession(ada.page);
  const finger = (type, x, y) => devtools.send('Input.dispatchTouchEvent', { type, touchPoints: type === 'touchEnd' ? [] : [{ x, y }] });
  const [x, y] = [word.x + word.width / 2, word.y + word.height / 2];
  await finger('touchStart', x, y);
  for (let step = 1; step <= 5; step += 1) await finger('touchMove', x, y + ((board.y + 0.1 * board.height - y) * step) / 5);
  await finger('touchEnd');
  const place = await ada.place('light');
  assert.ok(place[1] < 0.12, `it lies at ${place}`);
  assert.equal(await ada.page.evaluate(() => scrollY), 0);
  await lies(bob, 'light', place);
});

test('messages of an unknown shape are ignored, and no word leaves the board', async (t) => {
  const server = await start(t);
  const ada = await Poet.join(server);
  const program = await joins(`${server.url}/cometd`);
  const from = 'f'.repeat(24);
  for (const channel of ['/magnets/words/1', '/magnets/words/none', '/magnets/cursors'])
    for (const data of [null, 1, [], {}, { from, x: 9, y: 0, version: 1 }]) await program.ok(program.publish(channel, data));
  await program.ok(program.publish('/magnets/words/1', { from, x: 0.5, y: 0.1, version: 1 }));
  await lies(ada, 'moon', [0.5, 0.1]);
  await ada.drag('sea', [1.5, 0.1]);
  await ada.drop();
  assert.equal((await ada.place('sea'))[0], 1);
  assert.match(await ada.page.locator('#poem').textContent(), /moon sea/);
  const { x, width } = await ada.word('sea').boundingBox();
  const board = await ada.page.locator('#board').boundingBox();
  assert.ok(x + width <= board.x + board.width);
});

/** A server that is gone after the test: each test has a board of its own. */
async function start(t, options) {
  const server = await startServer(options);
  t.after(() => server.stop());
  return server;
}
