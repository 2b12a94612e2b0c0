// Pages in a real browser, and the actions of a person.
import assert from 'node:assert/strict';
import { after, afterEach } from 'node:test';
import { chromium as playwright } from 'playwright-core';
import { chromium } from '../../../scripts/lib/browser.mjs';

// Root has no sandbox to offer; the rest keeps the browser from calling home.
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const PHONE = { width: 360, height: 740 };

// What a page may wait for on a busy machine: a server that starts, and a client that had given up for some seconds.
const PATIENCE = 20_000; // ms

// A server that is down or refuses is part of some tests, and so is a page that does not exist.
const REFUSALS = /^(Failed to load resource|WebSocket connection to|Access to XMLHttpRequest at .* blocked by CORS)/;

/**
 * A browser for all tests of a file. `visit(address, options)` opens a page in a context of its own: another person's
 * browser. They are closed after each test, and none of them may have had an error, a blocked script or style included.
 */
export async function browser() {
  const instance = await playwright.launch({ executablePath: await chromium(), args: ARGS });
  const errors = [];
  afterEach(async () => {
    await Promise.all(instance.contexts().map((context) => context.close()));
    assert.deepEqual(errors.splice(0), []);
  });
  after(() => instance.close());
  return {
    async visit(address, options = {}) {
      const context = await instance.newContext({ viewport: { width: 1100, height: 760 }, ...options });
      context.setDefaultTimeout(PATIENCE);
      context.on('page', (page) => watch(page, errors));
      const page = await context.newPage();
      await page.goto(address);
      return page;
    },
  };
}

function watch(page, errors) {
  page.on('pageerror', (error) => errors.push(error.stack));
  page.on('console', (message) => {
    if (message.type() === 'error' && !REFUSALS.test(message.text())) errors.push(message.text());
  });
}

/** A person in a room of the chat. */
export class Chatter {
  /** Opens a room's page, gives a name and waits until the server knows. */
  static async join(browser, address, name, options) {
    const chatter = new Chatter(await browser.visit(address, options));
    await chatter.page.getByLabel('Your name').fill(name);
    await chatter.page.keyboard.press('Enter');
    await chatter.status('Connected');
    return chatter;
  }

  #polls = false;

  constructor(page) {
    this.page = page;
    this.log = page.getByRole('log');
    page.on('request', (request) => (this.#polls ||= new URL(request.url()).pathname === '/cometd/connect'));
  }

  async say(text) {
    await this.page.getByLabel('Your message').fill(text);
    await this.page.keyboard.press('Enter');
  }

  /** Waits until the log has a message with exactly this text, and gives its element. */
  async hears(text) {
    const exactly = new RegExp(`^${text.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&').replaceAll(' ', '\\s')}$`);
    const message = this.log.locator('.message').filter({ has: this.page.locator('.text').filter({ hasText: exactly }) });
    await message.waitFor();
    return message;
  }

  /** Waits until a text of this person's own is shown as not yet sent. */
  async waits(text) {
    await (await this.hears(text)).filter({ hasText: 'Waiting to be sent' }).waitFor();
  }

  /** Waits until a text of this person's own is shown as sent. */
  async arrives(text) {
    await (await this.hears(text)).and(this.page.locator('[data-state=sent]')).waitFor();
  }

  /** Waits for a note of what happened. */
  async notes(text) {
    await this.log.locator('.note').filter({ hasText: text }).first().waitFor();
  }

  /** Waits until the connection is said to be as told. */
  async status(text) {
    await this.page.getByRole('status').filter({ hasText: text }).waitFor();
  }

  /** Waits until exactly these people are listed, this one first. */
  async sees(...names) {
    await this.page.waitForFunction(
      (expected) =>
        JSON.stringify([...document.querySelectorAll('#people bdi')].map(({ textContent }) => textContent)) === expected,
      JSON.stringify(names),
    );
  }

  /** All messages on the page, in order. */
  texts() {
    return this.log.locator('.text').allTextContents();
  }

  /** What the page talks over: 'websocket', or 'long-polling' where that does not get through. */
  get transport() {
    return this.#polls ? 'long-polling' : 'websocket';
  }

  /** Leaves as a person who closes the window does. */
  async leave() {
    await this.page.close({ runBeforeUnload: true });
    await this.page.context().close();
  }
}
