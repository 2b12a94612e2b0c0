// Pages in Chromium: the chat template, and the example in React.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { browser } from '../e2e/support/browser.mjs';
import { command, project, started } from './support.mjs';

const visitors = await browser();

const connected = (page) => page.getByRole('status').filter({ hasText: /^connected$/ }).waitFor();

test('the chat: two windows in a room, who is there, a rule, a service, another room', async () => {
  const { url } = await started(await project('templates/chat'));
  const [alice, bob] = [await visitors.visit(url), await visitors.visit(url)];
  const say = async (page, name, text) => {
    await page.getByLabel('Your name').fill(name);
    await page.getByLabel('Your message').fill(text);
    await page.getByRole('button', { name: 'Send' }).click();
  };
  const hears = (page, text) => page.getByRole('log').getByText(text).first().waitFor();
  for (const page of [alice, bob]) await connected(page);
  const here = (page, text) => page.locator('#here').filter({ hasText: text }).waitFor();
  for (const page of [alice, bob]) await here(page, /^2 here/);
  await say(alice, 'Alice', 'hello');
  for (const page of [alice, bob]) await hears(page, 'hello');
  await say(bob, '   ', 'who am I?');
  await hears(bob, 'Not sent: /chat/demo: 400::text_invalid');
  await say(bob, 'Bob', '/dice');
  await hears(bob, 'You rolled a');
  await hears(alice, 'Bob rolled a');
  await alice.getByRole('link', { name: 'tea' }).click();
  for (const page of [alice, bob]) await here(page, /^1 here/);
  await say(bob, 'Bob', 'only for the demo');
  await hears(bob, 'only for the demo');
  assert.equal(await alice.getByRole('log').getByText('only for the demo').count(), 0);
});

test('the chat with login: names are those of the login, and nobody joins without one', async () => {
  const place = await project('templates/chat');
  const secret = 'a-secret-of-thirty-two-bytes-or-more';
  await writeFile(join(place, '.dev.vars'), `TOKEN_KEYS=${secret}\nUSERS="ada:correct-horse zoë:battery-staple"\n`);
  const { url } = await started(place);

  const token = (name, password) =>
    fetch(`${url}/token`, { headers: { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` } });
  assert.equal((await fetch(`${url}/token`)).status, 401);
  assert.equal((await token('ada', 'battery-staple')).status, 401);
  const handshake = { channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['long-polling'] };
  const [{ error }] = await (await fetch(`${url}/cometd`, { method: 'POST', body: JSON.stringify([handshake]) })).json();
  assert.equal(error, '403::token_missing');

  const ada = await visitors.visit(url, { httpCredentials: { username: 'ada', password: 'correct-horse' } });
  const zoe = await visitors.visit(url, { httpCredentials: { username: 'zoë', password: 'battery-staple' } });
  for (const page of [ada, zoe]) await connected(page);
  for (const page of [ada, zoe]) await page.getByText('2 here: ada, zoë', { exact: true }).waitFor();
  assert.equal(await zoe.getByLabel('Your name').inputValue(), 'zoë');
  await ada.getByLabel('Your name').evaluate((field) => (field.value = 'zoë')); // somebody who would be another
  await ada.getByLabel('Your message').fill('hello');
  await ada.getByRole('button', { name: 'Send' }).click();
  const said = zoe.getByRole('log').locator('p').filter({ hasText: 'hello' });
  await said.waitFor();
  assert.equal(await said.locator('b').textContent(), 'ada');

  const stranger = await visitors.visit(url, { httpCredentials: { username: 'eve', password: 'guess' } });
  await stranger.getByRole('status').filter({ hasText: /^closed$/ }).waitFor();

  const tries = await Promise.all(Array.from({ length: 12 }, () => token('ada', 'guess')));
  assert.ok(tries.some(({ status }) => status === 429), 'guessing is slowed down');
});

test('React: two windows show the same messages and each other’s presence, for their topic', async () => {
  const place = await project('examples/react');
  const types = await command(place, {}, 'npm', 'run', '--silent', 'check');
  assert.equal(types.code, 0, types.output);
  const { url } = await started(place);
  const [alice, bob] = [await visitors.visit(url), await visitors.visit(url)];
  for (const page of [alice, bob]) await connected(page);
  const publish = async (text) => {
    await alice.getByLabel('News').fill(text);
    await alice.getByRole('button', { name: 'Publish' }).click();
  };
  for (const page of [alice, bob]) await page.getByText('2 reading', { exact: true }).waitFor();
  await publish('hello');
  for (const page of [alice, bob]) await page.getByRole('listitem').filter({ hasText: 'hello' }).waitFor();
  await bob.getByRole('button', { name: 'tomorrow' }).click();
  await bob.getByRole('listitem').waitFor({ state: 'detached' });
  for (const page of [alice, bob]) await page.getByText('1 reading', { exact: true }).waitFor();
  await publish('still today');
  await alice.getByRole('listitem').filter({ hasText: 'still today' }).waitFor();
  assert.equal(await bob.getByRole('listitem').count(), 0, 'another topic');
});
