// The playground in a real browser: a channel, services of the shipped application, and the message log.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startServer } from '../../scripts/lib/server.mjs';
import { browser } from './support/browser.mjs';

const server = await startServer();
after(() => server.stop());
const chromium = await browser();

const visit = () => chromium.visit(`${server.url}/playground/`);
const answers = (page, name) => page.getByRole('log', { name }).getByRole('listitem');

test('a published message arrives in every window, and is in the message log of each', async () => {
  const [ada, bob] = await Promise.all([visit(), visit()]);
  for (const page of [ada, bob]) await page.getByRole('status').filter({ hasText: 'Connected' }).waitFor();
  await ada.getByLabel('What to publish').fill('<b>to all</b>');
  await ada.keyboard.press('Enter');
  for (const page of [ada, bob]) {
    await answers(page, 'Received').filter({ hasText: '<b>to all</b>' }).waitFor();
    await page.getByRole('region', { name: 'Messages on the wire' }).getByRole('listitem').filter({ hasText: '← /news/playground' }).first().waitFor();
  }
});

test('connects can be hidden from the message log', async () => {
  const page = await visit();
  const connects = page.getByRole('region', { name: 'Messages on the wire' }).getByText('→ /meta/connect');
  await connects.first().waitFor();
  await page.getByLabel('without connects').check();
  await connects.first().waitFor({ state: 'hidden' });
  assert.ok(await page.getByText('→ /meta/handshake').isVisible());
});

test('a service reply goes only to its sender', async () => {
  const [ada, bob] = await Promise.all([visit(), visit()]);
  for (const page of [ada, bob]) {
    await page.getByRole('status').filter({ hasText: 'Connected' }).waitFor();
    await page.getByLabel('What to say').fill(page === ada ? 'first' : 'other');
    await page.keyboard.press('Enter');
  }
  await answers(ada, 'Echoes').filter({ hasText: /^first in \d+ ms$/ }).waitFor();
  await answers(bob, 'Echoes').filter({ hasText: /^other in \d+ ms$/ }).waitFor();
  await ada.keyboard.type('second');
  await ada.keyboard.press('Enter');
  await answers(ada, 'Echoes').nth(1).waitFor();
  assert.deepEqual(await ada.locator('#echoes .said').allTextContents(), ['second', 'first']);
  assert.deepEqual(await bob.locator('#echoes .said').allTextContents(), ['other']);
});

test('typed text is never HTML', async () => {
  const page = await visit();
  const text = '<img src=x onerror="document.title=1"> <b>שלום</b>';
  await page.getByLabel('What to say').fill(text);
  await page.keyboard.press('Enter');
  const echo = answers(page, 'Echoes').filter({ hasText: text });
  await echo.waitFor();
  assert.equal(await echo.locator('img, b').count(), 0);
});

test('the calculator answers, or shows the error', async () => {
  const page = await visit();
  await page.getByRole('status').filter({ hasText: 'Connected' }).waitFor();
  await page.getByLabel('Number').first().fill('6.5');
  await page.keyboard.press('Enter');
  await answers(page, 'Results').filter({ hasText: '6.5 × 7 = 45.5' }).waitFor();
  await page.getByLabel('Operator').selectOption('÷');
  await page.getByLabel('Number').last().fill('0');
  await page.getByRole('button', { name: 'Calculate' }).click();
  await answers(page, 'Results').filter({ hasText: '6.5 ÷ 0 422::no such number' }).waitFor();
});

test('a call during a break is reported as lost, and the next one is answered', async () => {
  const page = await visit();
  const status = (text) => page.getByRole('status').filter({ hasText: text }).waitFor();
  await status('Connected');
  await page.context().setOffline(true);
  await status('Reconnecting');
  await page.getByLabel('What to say').fill('into the break');
  await page.keyboard.press('Enter');
  await answers(page, 'Echoes').filter({ hasText: 'into the break lost on its way' }).waitFor();
  await page.context().setOffline(false);
  await status('Connected');
  await page.keyboard.type('after it');
  await page.keyboard.press('Enter');
  await answers(page, 'Echoes').filter({ hasText: /^after it in/ }).waitFor();
});

test('the message log shows messages as they are sent, without clientIds', async () => {
  const page = await visit();
  await page.getByRole('status').filter({ hasText: 'Connected' }).waitFor();
  await page.getByLabel('What to say').fill('seen');
  await page.keyboard.press('Enter');
  const frames = page.getByRole('region', { name: 'Messages on the wire' }).getByRole('listitem');
  await frames.filter({ hasText: '→ /service/echo' }).filter({ hasText: '"text":"seen"' }).waitFor();
  await frames.filter({ hasText: '← /service/echo' }).filter({ hasText: '"text":"seen"' }).waitFor();
  // What extensions add, too.
  await frames.filter({ hasText: '→ /meta/connect' }).filter({ hasText: '"ack":' }).first().waitFor();
  for (const text of await frames.allTextContents()) assert.doesNotMatch(text, /"clientId":"[^"]{6,}[^…]"/);
});
