// node scripts/picture.mjs: docs/images/reconnect.png, which README.md shows: the chat page as it is, before, in and
// after a break of the network. It needs a build (`npm run build`).
import { mkdir } from 'node:fs/promises';
import { chromium as playwright } from 'playwright-core';
import { Chatter } from '../tests/e2e/support/browser.mjs';
import { chromium } from './lib/browser.mjs';
import { inRoot } from './lib/project.mjs';
import { main } from './lib/run.mjs';
import { startServer } from './lib/server.mjs';

const VIEW = { width: 400, height: 420 };

await main(async () => {
  const server = await startServer();
  const browser = await playwright.launch({ executablePath: await chromium(), args: ['--no-sandbox'] });
  try {
    const person = async (name) => {
      const context = await browser.newContext({ viewport: VIEW, deviceScaleFactor: 2, reducedMotion: 'reduce' });
      return Chatter.join({ visit: (address) => opened(context, address) }, `${server.url}/chat/team`, name);
    };
    const [ada, bob] = [await person('Ada'), await person('Bob')];
    const shots = [];
    const shoot = async (title) => shots.push({ title, image: (await ada.page.screenshot()).toString('base64') });

    await ada.sees('Ada', 'Bob');
    await bob.say('Shall we deploy?');
    await ada.hears('Shall we deploy?');
    await shoot('Connected');

    await ada.page.context().setOffline(true);
    await ada.status('Reconnecting');
    await ada.say('Yes, go ahead.');
    await ada.waits('Yes, go ahead.');
    await bob.say('Are you there?');
    await shoot('The network is gone: her text waits');

    await ada.page.context().setOffline(false);
    await ada.arrives('Yes, go ahead.');
    await ada.hears('Are you there?');
    await shoot('It is back: nothing is lost');

    await mkdir(inRoot('docs', 'images'), { recursive: true });
    await beside(browser, shots, inRoot('docs', 'images', 'reconnect.png'));
  } finally {
    await browser.close();
    await server.stop();
  }
});

async function opened(context, address) {
  const page = await context.newPage();
  await page.goto(address);
  return page;
}

async function beside(browser, shots, path) {
  const page = await browser.newPage({ viewport: { width: 1300, height: 600 } });
  const figures = shots.map(({ title, image }) => `<figure><figcaption>${title}</figcaption><img src="data:image/png;base64,${image}" width="${VIEW.width}"></figure>`);
  await page.setContent(`<style>
    body { display: inline-flex; gap: 16px; margin: 0; padding: 16px; background: #fff; font: 16px system-ui, sans-serif }
    figure { margin: 0 } figcaption { margin-bottom: 8px } img { border: 1px solid #ccc; border-radius: 8px }
  </style>${figures.join('')}`);
  await page.locator('body').screenshot({ path });
}
