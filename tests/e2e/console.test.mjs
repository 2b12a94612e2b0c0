// The console in a real browser, against a server under load.
import axe from 'axe-core';
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, test } from 'node:test';
import { startServer } from '../../scripts/lib/server.mjs';
import { browser, PHONE } from './support/browser.mjs';
import { join } from './support/bayeux.mjs';
import { until } from './support/server.mjs';

const KEY = 'the-key-of-who-runs-it';
const server = await startServer({ fixture: true, vars: { API_KEYS: KEY, TREE_DEPTH: '0', MAX_INTERVAL: '60000', HISTORY: '/kept/* 10 1h', PRESENCE: '/kept/*', TAIL_EVENTS: '100' } });
after(() => server.stop());
const cometd = `${server.url}/cometd`;
const chromium = await browser();

/** Where somebody may want to look at the page. */
const { SCREENSHOTS } = process.env;

async function opened(options, { url } = server) {
  const page = await chromium.visit('about:blank', options);
  // Its script is there before the page is: the site's policy lets in none that comes later.
  await page.addInitScript({ content: axe.source });
  await page.goto(`${url}/console/`);
  await page.getByLabel('Key of the server API').fill(KEY);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Now' }).waitFor();
  return page;
}

async function pictured(page, name, fullPage = true) {
  if (!SCREENSHOTS) return;
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage });
}

/** How many members of a channel the API shows. */
async function members(channel) {
  const answer = await fetch(`${cometd}/api/presence?channel=${channel}`, { headers: { authorization: `Bearer ${KEY}` } });
  return (await answer.json()).count;
}

const figure = (page, name) => page.locator('#figures div', { hasText: name }).locator('dd').textContent();

/** Publishes until it is told to stop, and hears all of it. */
function load(channel) {
  let goesOn = true;
  const done = (async () => {
    const [one, other] = await Promise.all([join(cometd), join(cometd)]);
    await other.ok(other.subscribe(channel));
    for (let n = 0; goesOn; n += 1) {
      await one.publish(channel, n);
      await other.poll();
      if (n % 5 === 0) await one.publish('/bad/*', n);
    }
  })();
  return async () => {
    goesOn = false;
    await done;
  };
}

test('with a key the console shows clients, figures and refusals as they change', async () => {
  const stop = load('/load/one');
  try {
    const page = await opened();
    assert.equal(await page.getByLabel('Key of the server API').inputValue(), '', 'the key is not left in the form');
    assert.deepEqual(await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]), [0, 0, '']);
    await until(async () => Number(await figure(page, 'Events out, per second')) > 0, 'no event is seen to leave');
    assert.equal(await figure(page, 'Sessions'), '2');
    await page.getByRole('cell', { name: 'channel_invalid' }).waitFor();
    await page.getByRole('cell', { name: '/load/one' }).waitFor();
    const points = () => page.locator('.plot canvas').count();
    assert.equal(await points(), 2);
    const drawn = await page.locator('.plot canvas').first().evaluate((canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte !== 0));
    assert.ok(drawn, 'nothing is drawn');
  } finally {
    await stop();
  }
});

test('a wrong key is refused with the server’s error', async () => {
  const page = await chromium.visit(`${server.url}/console/`);
  await page.getByLabel('Key of the server API').fill('a-wrong-key-of-nobody');
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByText('401::api_key_invalid').waitFor();
  assert.equal(await page.getByRole('heading', { name: 'Now' }).isVisible(), false);
});

test('by keyboard a client is shown, gets a push and is disconnected', async () => {
  const alice = await join(cometd);
  await alice.ok(alice.subscribe('/news/<b>bold</b>'.replace(/[<>]/g, '')));
  const page = await opened();
  const [name] = (await page.locator('#clients button').allTextContents()).slice(-1);
  await page.getByRole('button', { name, exact: true }).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByText('/news/bbold/b').waitFor();
  await dialog.getByLabel('Push to this client alone').fill('{"text":"psst"}');
  await page.keyboard.press('Enter');
  await dialog.getByText('Pushed', { exact: true }).waitFor();
  assert.deepEqual(await alice.poll(), [{ text: 'psst' }]);
  await dialog.getByRole('button', { name: 'Disconnect' }).press('Enter');
  await dialog.getByText('Its session has ended').waitFor();
  assert.equal(await alice.lives(), false);
  await page.keyboard.press('Escape');
  assert.equal(await dialog.isVisible(), false);
});

test('a channel shows its members and its history, the latest first', async () => {
  const alice = await join(cometd);
  await alice.ok(alice.subscribe(['/kept/room', '/fleeting']));
  for (const text of ['first', '<b>second</b>']) await alice.ok(alice.publish('/kept/room', { text }));
  // A join counts when it is published: changes of a second are published together.
  await until(async () => (await members('/kept/room')) === 1, 'nobody joined the room');
  const page = await opened();
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: '/kept/room', exact: true }).press('Enter');
  await dialog.getByText('{"text":"first"}').waitFor();
  assert.deepEqual(await dialog.locator('#kept tbody td:last-child').allTextContents(), ['{"text":"<b>second</b>"}', '{"text":"first"}']);
  assert.match(await dialog.locator('#channel-there').textContent(), /^1: /);
  await page.keyboard.press('Escape');
  await page.locator('button:focus', { hasText: '/kept/room' }).waitFor();
  await page.getByRole('button', { name: '/fleeting', exact: true }).press('Enter');
  await dialog.getByText('No events are kept.').waitFor();
  assert.equal(await dialog.locator('#channel-there').textContent(), 'This channel has no presence.');
  await dialog.getByRole('button', { name: 'Close' }).press('Enter');
});

test('a client shows its latest refused messages', async () => {
  const alice = await join(cometd);
  await alice.publish('/bad/*', 1);
  const page = await opened();
  const [name] = (await page.locator('#clients button').allTextContents()).slice(-1);
  await page.getByRole('button', { name, exact: true }).press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('cell', { name: '405::channel_invalid' }).waitFor();
  await dialog.getByRole('cell', { name: '/bad/*' }).waitFor();
});

test('a tail shows events as they come, the latest first, until it is stopped', async () => {
  const alice = await join(cometd);
  const page = await opened();
  await page.getByLabel('Channel or pattern').fill('/said/*');
  await page.keyboard.press('Enter');
  await page.getByText('No events yet.').waitFor();
  await alice.ok(alice.publish('/said/a', '<b>first</b>'));
  await page.getByRole('cell', { name: '"<b>first</b>"' }).waitFor();
  await alice.ok(alice.publish('/said/b', { n: 2 }));
  await page.getByRole('cell', { name: '{"n":2}' }).waitFor();
  assert.deepEqual(await page.locator('#tail tbody td:nth-child(2)').allTextContents(), ['/said/b', '/said/a']);
  await page.getByRole('button', { name: 'Stop' }).press('Enter');
  await page.getByText('Stopped', { exact: true }).waitFor();
  await page.getByLabel('Channel or pattern').fill('/**');
  await page.getByRole('button', { name: 'Watch' }).press('Enter');
  await page.getByText('Watching /**').waitFor();
});

test('without TAIL_EVENTS the page says which option enables a tail', async () => {
  const off = await startServer({ fixture: true, vars: { API_KEYS: KEY, MAX_INTERVAL: '60000' } });
  try {
    const page = await opened({}, off);
    await page.getByLabel('Channel or pattern').fill('/**');
    await page.keyboard.press('Enter');
    await page.getByText('Refused: 400::channel_invalid').waitFor();
    await page.getByLabel('Channel or pattern').fill('/chat/*');
    await page.keyboard.press('Enter');
    await page.getByText('TAIL_EVENTS enables them').waitFor();
  } finally {
    await off.stop();
  }
});

test('all homes are listed on request, each client with its home', async () => {
  const trees = await startServer({ fixture: true, vars: { API_KEYS: KEY, TREES: '/**', MAX_INTERVAL: '60000' } });
  try {
    const [alice, bob] = await Promise.all([join(`${trees.url}/cometd`), join(`${trees.url}/cometd/garden`)]);
    await Promise.all([alice.ok(alice.subscribe('/garden/rose')), bob.ok(bob.subscribe('/garden/rose'))]);
    await alice.ok(alice.publish('/garden/rose', 1));
    const page = await opened({}, trees);
    await page.getByLabel('Home').selectOption('All homes');
    await page.getByRole('heading', { name: 'Now' }).waitFor({ state: 'hidden' });
    const homes = () => page.locator('#clients tbody tr td:nth-child(2)').allTextContents();
    await until(async () => (await homes()).join() === '/,/garden', 'not all homes are shown');
    assert.deepEqual(await page.locator('#channels tbody td:nth-child(2)').allTextContents(), ['/', '/garden']);
    await page.getByRole('row', { name: '/garden' }).first().getByRole('button').press('Enter');
    await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).press('Enter');
    await page.getByRole('dialog').getByText('Its session has ended').waitFor();
    assert.deepEqual([await bob.lives(), await alice.lives()], [false, true]);
    await page.keyboard.press('Escape');
    // The list's button gets the focus back a moment later, and would get the next key.
    await page.locator('#clients button:focus').waitFor();
    await page.getByRole('button', { name: 'Refresh' }).press('Enter');
    await until(async () => (await homes()).join() === '/', 'it does not look again');
  } finally {
    await trees.stop();
  }
});

test('a publish from the console is delivered, and text that is no JSON is not sent', async () => {
  const alice = await join(cometd);
  await alice.ok(alice.subscribe('/news/today'));
  const page = await opened();
  await page.getByLabel('Channel', { exact: true }).fill('/news/today');
  await page.getByLabel('Data, as JSON').fill('{');
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.getByText('The data is not valid JSON').waitFor();
  await page.getByLabel('Data, as JSON').fill('{"n":1}');
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.getByText('Published on /news/today').waitFor();
  assert.deepEqual(await alice.poll(), [{ n: 1 }]);
});

async function violations(page) {
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`));
}

for (const [viewport, colorScheme] of [[PHONE, 'dark'], [{ width: 1280, height: 900 }, 'light']])
  test(`it passes axe-core, with a client's page and a tail open: ${viewport.width} pixels, ${colorScheme}`, async () => {
    const alice = await join(cometd);
    const page = await opened({ viewport, colorScheme, reducedMotion: 'reduce' });
    await page.getByLabel('Channel or pattern').fill('/seen/*');
    await page.keyboard.press('Enter');
    await page.getByText('No events yet.').waitFor();
    await alice.ok(alice.publish('/seen/a', { text: 'a rather long text that somebody said, so that its row is wider than a phone is' }));
    await alice.publish('/bad/*', 1);
    await page.getByRole('cell', { name: 'a rather long text' }).waitFor();
    assert.deepEqual(await violations(page), []);
    await pictured(page, `console-tail-${viewport.width}-${colorScheme}`);
    await page.locator('#clients button').last().press('Enter');
    await page.getByRole('dialog').getByRole('cell', { name: '405::channel_invalid' }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), viewport.width);
    assert.deepEqual(await violations(page), []);
    await pictured(page, `console-client-${viewport.width}-${colorScheme}`, false);
  });

for (const colorScheme of ['light', 'dark'])
  for (const viewport of [PHONE, { width: 375, height: 800 }, { width: 1280, height: 900 }])
    test(`it fits ${viewport.width} pixels, ${colorScheme}`, async () => {
      const stop = load('/load/two');
      const page = await opened({ viewport, colorScheme });
      await until(async () => Number(await figure(page, 'Events out, per second')) > 0, 'no event is seen to leave');
      await stop();
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), viewport.width);
      await pictured(page, `console-${viewport.width}-${colorScheme}`);
    });
