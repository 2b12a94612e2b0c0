// The playground's clock in a real browser: clocks that are wrong, and the agreed time.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startServer } from '../../scripts/lib/server.mjs';
import { browser } from './support/browser.mjs';
import { until } from './support/server.mjs';

const server = await startServer();
after(() => server.stop());
const chromium = await browser();

/** What agrees within this is the same time, on a machine that has other things to do. */
const CLOSE = 1_500; // ms

/** The page on a device whose clock is ahead. */
async function visit(ahead) {
  const page = await chromium.visit('about:blank');
  await page.addInitScript((ahead) => {
    const { now } = Date;
    window.Date = class extends Date {
      constructor(...given) {
        super(...(given.length > 0 ? given : [now() + ahead]));
      }
      static now() {
        return now() + ahead;
      }
    };
  }, ahead);
  await page.goto(`${server.url}/playground/`);
  await page.locator('#clock[data-known=true]').waitFor();
  return page;
}

const number = async (page, id) => Number((await page.locator(id).textContent()).replace('−', '-').replace(' ms', ''));

for (const ahead of [0, 3_600_000, -86_400_000])
  test(`a device whose clock is ${ahead} ms ahead shows the server's time`, async () => {
    const page = await visit(ahead);
    const agreed = Date.parse(await page.locator('#agreed').getAttribute('datetime'));
    assert.ok(Math.abs(agreed - Date.now()) < CLOSE, `it shows ${new Date(agreed).toISOString()}`);
    const offset = await number(page, '#offset');
    assert.ok(Math.abs(offset + ahead) < CLOSE, `an offset of ${offset} ms`);
    const lag = await number(page, '#lag');
    assert.ok(lag >= 0 && lag < CLOSE, `a lag of ${lag} ms`);
    assert.match(await page.locator('#agreed').textContent(), /\d{1,2}:\d\d:\d\d/);
  });

test('while the page is visible a connect is answered every two seconds; the clock goes on during a break', async () => {
  const page = await visit(0);
  let connects = 0;
  page.on('response', (response) => (connects += /\/connect$/.test(new URL(response.url()).pathname)));
  page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => (connects += payload.includes('"/meta/connect"'))));
  await page.reload(); // a socket that was open already is not told of
  await until(() => connects >= 3, () => `${connects} connects were answered`);
  await page.context().setOffline(true);
  await page.getByRole('status').filter({ hasText: 'Reconnecting' }).waitFor();
  const shown = await page.locator('#agreed').textContent();
  await page.waitForFunction((shown) => document.getElementById('agreed').textContent !== shown, shown);
});
