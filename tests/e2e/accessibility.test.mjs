// The pages pass axe-core: in light and dark, on a desktop and on a phone.
import axe from 'axe-core';
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startServer } from '../../scripts/lib/server.mjs';
import { browser, Chatter, PHONE } from './support/browser.mjs';

const server = await startServer();
after(() => server.stop());
const chromium = await browser();

const DESK = { width: 1280, height: 800 };

async function violations(page) {
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`));
}

for (const colorScheme of ['light', 'dark'])
  for (const [device, viewport] of Object.entries({ desk: DESK, phone: PHONE }))
    describe(`${colorScheme}, ${device}`, () => {
      // Its script is there before the page is: the site's policy lets in none that comes later.
      const visit = async (path) => {
        const page = await chromium.visit('about:blank', { colorScheme, viewport, reducedMotion: 'reduce' });
        await page.addInitScript({ content: axe.source });
        await page.goto(server.url + path);
        return page;
      };

      for (const path of ['/', '/playground/', '/magnets/', '/chat/', '/console/', '/nowhere'])
        test(`${path} passes axe-core`, async () => {
          const page = await visit(path);
          await page.getByRole('heading').first().waitFor();
          assert.deepEqual(await violations(page), []);
        });

      test('the chat with somebody in it passes axe-core', async () => {
        const page = await visit(`/chat/axe-${colorScheme}-${device}`);
        await page.getByLabel('Your name').fill('Ada');
        await page.keyboard.press('Enter');
        const ada = new Chatter(page);
        await ada.say('hello');
        await ada.arrives('hello');
        assert.deepEqual(await violations(page), []);
      });
    });
