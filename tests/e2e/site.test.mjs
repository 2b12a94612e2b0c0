// The files of the site as they are served: which page has which path, how long browsers cache it, and its policy.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { after, test } from 'node:test';
import { inRoot } from '../../scripts/lib/project.mjs';
import { startServer } from '../../scripts/lib/server.mjs';
import { browser, PHONE } from './support/browser.mjs';

const server = await startServer();
after(() => server.stop());
const chromium = await browser();

const PAGES = ['/', '/chat/', '/playground/', '/magnets/'];

const get = (path) => fetch(server.url + path, { redirect: 'manual' });

test('every page has a Content-Security-Policy without other origins, inline scripts and inline styles', async () => {
  for (const path of [...PAGES, '/chat/any-room', '/nowhere']) {
    const { headers } = await get(path);
    const policy = headers.get('content-security-policy');
    assert.match(policy, /default-src 'none'/, path);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/, path);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('referrer-policy'), 'no-referrer');
  }
});

test('pages and scripts are revalidated each time, other files are cached', async () => {
  const kept = async (path) => (await get(path)).headers.get('cache-control');
  for (const path of [...PAGES, '/chat/any-room']) assert.match(await kept(path), /max-age=0, must-revalidate/, path);
  for (const path of ['/style.css', '/js/connection.js', '/js/magnets/main.js']) assert.equal(await kept(path), 'no-cache', path);
  for (const path of ['/vendor/cometd.js', '/favicon.svg', '/robots.txt']) assert.match(await kept(path), /^public, max-age=\d{5,}$/, path);
  const { headers } = await get('/style.css');
  const again = await fetch(`${server.url}/style.css`, { headers: { 'if-none-match': headers.get('etag') } });
  assert.equal(again.status, 304);
});

test('every page in public is tested here, or is the console', async () => {
  const files = await readdir(inRoot('public'), { recursive: true });
  const pages = files.filter((name) => name.endsWith('index.html')).map((name) => `/${name.slice(0, -'index.html'.length)}`);
  assert.deepEqual(pages.sort(), [...PAGES, '/console/'].sort());
});

test('an unknown address gets the 404 page', async () => {
  for (const path of ['/nowhere', '/chat/a/b', '/js/nothing.js']) {
    const response = await get(path);
    assert.equal(response.status, 404, path);
    assert.match(await response.text(), /There is nothing at this address/);
  }
});

test('a room with a trailing slash is the same room', async () => {
  const { status, headers } = await get('/chat/tea/');
  assert.equal(status, 301);
  assert.equal(new URL(headers.get('location'), server.url).pathname, '/chat/tea');
});

test('the pages that the playground replaced redirect to it', async () => {
  for (const [path, there] of Object.entries({ '/echo/': '/playground/', '/timesync/': '/playground/#time' })) {
    const { status, headers } = await get(path);
    assert.deepEqual([status, headers.get('location')], [301, there], path);
  }
});

for (const colorScheme of ['light', 'dark'])
  test(`the pages fit a phone, ${colorScheme}, and break no rule of their policy`, async () => {
    for (const path of [...PAGES, '/nowhere']) {
      const page = await chromium.visit(server.url + path, { viewport: PHONE, colorScheme });
      await page.getByRole('heading', { level: 1 }).waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), PHONE.width, path);
    }
  });

test('a word that is dragged on the home page moves in a second window', async () => {
  const [ada, bob] = [await chromium.visit(`${server.url}/`), await chromium.visit(`${server.url}/`)];
  for (const page of [ada, bob]) await page.locator('#status').filter({ hasText: 'Connected' }).waitFor();
  const place = (page) => page.getByRole('button', { name: 'moon', exact: true }).evaluate(({ style }) => style.cssText);
  const before = await place(bob);
  await ada.getByRole('button', { name: 'moon', exact: true }).focus();
  for (const key of ['Enter', 'ArrowUp', 'ArrowUp', 'Enter']) await ada.keyboard.press(key);
  const wanted = await place(ada);
  assert.notEqual(wanted, before);
  await bob.waitForFunction((wanted) => [...document.querySelectorAll('#board button')].some(({ style }) => style.cssText === wanted), wanted);
});

test('the commands of the home page can be copied', async () => {
  const page = await chromium.visit(`${server.url}/`, { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.getByRole('button', { name: 'Copy' }).first().click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'npm install\nnpm start\nnpm run deploy');
});

test('the home page shows the URL of its server, and its links work', async () => {
  const page = await chromium.visit(`${server.url}/`);
  await page.getByText(`${server.url}/cometd`).first().waitFor();
  const links = await page.getByRole('link').evaluateAll((all) => all.map(({ href }) => href));
  const own = links.filter((href) => href.startsWith(server.url));
  assert.ok(own.length > 2);
  for (const href of own) assert.equal((await fetch(href)).status, 200, href);
});

test('each page links to all others, and marks itself in the navigation', async () => {
  for (const path of [...PAGES, '/nowhere']) {
    const page = await chromium.visit(server.url + path);
    const site = page.locator('.bar').getByRole('link');
    const links = await site.evaluateAll((all) => all.map((link) => new URL(link.href).pathname));
    assert.deepEqual(links, PAGES, path);
    const here = await site.and(page.locator('[aria-current=page]')).evaluateAll((all) => all.map((link) => new URL(link.href).pathname));
    assert.deepEqual(here, PAGES.includes(path) ? [path] : [], path);
  }
});
