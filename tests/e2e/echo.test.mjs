// The echo page in a real browser: services of the shipped application, called by a person.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startServer } from '../../scripts/lib/server.mjs';
import { browser } from './support/browser.mjs';

const server = await startServer();
after(() => server.stop());
const chromium = await browser();

const visit = () => chromium.visit(`${server.url}/echo/`);
const answers = (page, name) => page.getByRole('log', { name }).getByRole('listitem');

test('what is said comes back to who said it, and to nobody else', async () => {
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

test('what was typed is never HTML', async () => {
  const page = await visit();
  const text = '<img src=x onerror="document.title=1"> <b>שלום</b>';
  await page.getByLabel('What to say').fill(text);
  await page.keyboard.press('Enter');
  const echo = answers(page, 'Echoes').filter({ hasText: text });
  await echo.waitFor();
  assert.equal(await echo.locator('img, b').count(), 0);
});

test('it counts, and says why it cannot', async () => {
  const page = await visit();
  await page.getByRole('status').filter({ hasText: 'Connected' }).waitFor();
  await page.getByLabel('Number').first().fill('6.5');
  await page.keyboard.press('Enter');
  await answers(page, 'Results').filter({ hasText: '6.5 × 7 = 45.5' }).waitFor();
  await page.getByLabel('Operator').selectOption('÷');
  await page.getByLabel('Number').last().fill('0');
  await page.getByRole('button', { name: 'Count' }).click();
  await answers(page, 'Results').filter({ hasText: '6.5 ÷ 0 422::no such number' }).waitFor();
});

test('a call into a break is told to be lost, and the next one after it is answered', async () => {
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

test('the messages are shown as they go, and no clientId among them', async () => {
  const page = await visit();
  await page.getByRole('status').filter({ hasText: 'Connected' }).waitFor();
  await page.getByLabel('What to say').fill('seen');
  await page.keyboard.press('Enter');
  const frames = page.getByRole('region', { name: 'Messages on the wire' }).getByRole('listitem');
  await frames.filter({ hasText: '→ /service/echo' }).filter({ hasText: '"text":"seen"' }).waitFor();
  await frames.filter({ hasText: '← /service/echo' }).filter({ hasText: '"text":"seen"' }).waitFor();
  // What extensions add, too.
  await frames.filter({ hasText: '→ /meta/connect' }).filter({ hasText: '"ext":{"ack":' }).first().waitFor();
  for (const text of await frames.allTextContents()) assert.doesNotMatch(text, /"clientId":"[^"]{6,}[^…]"/);
});
