// Pages in Chromium: that of the chat template, and the example in React.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browser } from '../e2e/support/browser.mjs';
import { command, project, started } from './support.mjs';

const visitors = await browser();

const connected = (page) => page.getByRole('status').filter({ hasText: /^connected$/ }).waitFor();

test('the chat: two windows in a room, a rule, a service, another room', async () => {
  const { url } = await started(await project('templates/chat'));
  const [alice, bob] = [await visitors.visit(url), await visitors.visit(url)];
  const say = async (page, name, text) => {
    await page.getByLabel('Your name').fill(name);
    await page.getByLabel('Your message').fill(text);
    await page.getByRole('button', { name: 'Send' }).click();
  };
  const hears = (page, text) => page.getByRole('log').getByText(text).first().waitFor();
  for (const page of [alice, bob]) await connected(page);
  await say(alice, 'Alice', 'hello');
  for (const page of [alice, bob]) await hears(page, 'hello');
  await say(bob, '   ', 'who am I?');
  await hears(bob, 'Not sent: /chat/demo: 400::text_invalid');
  await say(bob, 'Bob', '/dice');
  await hears(bob, 'You rolled a');
  await hears(alice, 'Bob rolled a');
  await alice.getByRole('link', { name: 'tea' }).click();
  await say(bob, 'Bob', 'only for the demo');
  await hears(bob, 'only for the demo');
  assert.equal(await alice.getByRole('log').getByText('only for the demo').count(), 0);
});

test('React: two windows have the same news, each its topic', async () => {
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
  await publish('hello');
  for (const page of [alice, bob]) await page.getByRole('listitem').filter({ hasText: 'hello' }).waitFor();
  await bob.getByRole('button', { name: 'tomorrow' }).click();
  await bob.getByRole('listitem').waitFor({ state: 'detached' });
  await publish('still today');
  await alice.getByRole('listitem').filter({ hasText: 'still today' }).waitFor();
  assert.equal(await bob.getByRole('listitem').count(), 0, 'another topic');
});
