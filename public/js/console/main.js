// The figures of a home, every two seconds while the page is visible. All homes are asked on request only: a call every
// two seconds would keep each of them awake.
import { call, Refused, use } from './api.js';
import { openChannel } from './channel.js';
import { openClient } from './client.js';
import { Plot } from './plots.js';
import './tail.js';
import { ago, bytes, element, facts, fill, number } from './tables.js';

const EVERY = 2_000; // ms

/** Entries of a list: as many as a person reads. */
const LONG = 100;

/** The choice "all homes" in the list of homes. */
const ALL = '*';

/** Pages that are read to fill a list of all homes; a page asks 32 homes at most. */
const MOST_PAGES = 5;

const place = (id) => document.getElementById(id);
const status = place('status');
const rates = new Plot(place('plot-rates'), ['messages in', 'events out']);
const sessions = new Plot(place('plot-sessions'), ['sessions', 'waiting']);

let before; // the last figures and their time
let paused = false;
let looking = false;

const sum = (tally) => Object.values(tally).reduce((all, one) => all + one, 0);
const isAll = () => place('home').value === ALL;
const at = (tree) => (tree === '/' ? {} : { tree });

/** The home for calls that concern one home. */
const query = () => at(isAll() ? '/' : place('home').value);

place('login').addEventListener('submit', async (event) => {
  event.preventDefault();
  use(place('key').value);
  try {
    await findHomes();
    await look();
  } catch (error) {
    place('refused').textContent = `Not opened: ${error.message}`;
    return;
  }
  place('key').value = '';
  place('refused').textContent = '';
  place('login').hidden = true;
  place('open').hidden = false;
  place('home').focus();
  setInterval(() => isAll() || tick(), EVERY);
});

place('home').addEventListener('change', () => {
  before = undefined;
  rates.clear();
  sessions.clear();
  place('one-home').hidden = place('pause').hidden = isAll();
  place('again').hidden = !isAll();
  tick();
});

place('again').addEventListener('click', tick);

place('pause').addEventListener('click', () => {
  paused = !paused;
  place('pause').setAttribute('aria-pressed', paused);
  place('pause').textContent = paused ? 'Go on' : 'Pause';
});

place('publish').addEventListener('submit', async (event) => {
  event.preventDefault();
  place('published').textContent = await publish(place('channel').value, place('data').value);
});

async function publish(channel, text) {
  try {
    const [reply] = (await call('POST', '/publish', query(), [{ channel, data: JSON.parse(text) }])).slice(-1);
    return reply.successful ? `Published on ${channel}` : `Refused: ${reply.error}`;
  } catch (error) {
    return error instanceof SyntaxError ? 'The data is not valid JSON' : `Refused: ${error.message}`;
  }
}

/** The homes in use, the root's first. */
async function findHomes() {
  const { trees } = await call('GET', '/trees', { limit: 1000 });
  const homes = trees.map(({ tree }) => element('option', { value: tree }, tree === '/' ? '/ (the root)' : tree));
  place('home').replaceChildren(...homes, element('option', { value: ALL }, 'All homes'));
}

async function tick() {
  if ((paused && !isAll()) || looking || document.hidden) return;
  looking = true;
  const home = place('home').value;
  try {
    await look();
  } catch (error) {
    status.dataset.state = error instanceof Refused ? 'closed' : 'reconnecting';
    status.textContent = error instanceof Refused ? `Refused: ${error.message}` : 'No answer; trying again…';
  } finally {
    looking = false;
  }
  // The user has chosen another home meanwhile.
  if (home !== place('home').value) tick();
}

async function look() {
  if (isAll()) await lookAtAll();
  else await lookAtOne();
  status.dataset.state = 'connected';
  status.textContent = 'Connected';
}

async function lookAtAll() {
  const [clients, channels] = await Promise.all([listed('clients'), listed('channels')]);
  showClients(clients);
  showChannels(channels);
}

/** The first entries of a list of all homes, from several pages if these are short. */
async function listed(list) {
  const entries = [];
  let after;
  for (let page = 0; page < MOST_PAGES && entries.length < LONG; page += 1) {
    const more = await call('GET', `/${list}`, { tree: ALL, limit: LONG - entries.length, ...(after && { after }) });
    entries.push(...more[list]);
    after = more.next;
    if (after === undefined) break;
  }
  return { [list]: entries, next: after };
}

async function lookAtOne() {
  const [stats, clients, channels] = await Promise.all([
    call('GET', '/stats', query()),
    call('GET', '/clients', { ...query(), limit: LONG }),
    call('GET', '/channels', { ...query(), limit: LONG }),
  ]);
  const now = Date.now();
  show(stats, now);
  showClients(clients);
  showChannels(channels);
  before = { stats, now };
}

function show(stats, now) {
  // A restarted home counts from 0.
  const same = before?.stats.since === stats.since ? before : undefined;
  const seconds = same ? (now - same.now) / 1000 : 1;
  const rate = (name) => (same ? Math.max(0, sum(stats[name]) - sum(same.stats[name])) / seconds : 0);
  const latency = stats.eventLatencyMs;
  facts(place('figures'), [
    ['Sessions', number(sum(stats.sessions))],
    ['Connects held', number(sum(stats.heldConnects))],
    ['WebSockets', number(stats.sockets)],
    ['Subscriptions', number(stats.subscriptions)],
    ['Messages in, per second', number(rate('messagesReceived'))],
    ['Events out, per second', number(rate('eventsDelivered'))],
    ['Queued events', number(stats.queuedEvents)],
    ['Events dropped', number(stats.eventsDropped)],
    ['Mean latency of an event', latency.count > 0 ? `${number(latency.sum / latency.count)} ms` : 'none yet'],
    ['Memory', `${number((100 * stats.memoryBytes) / stats.memoryLimitBytes)} %`],
    ['Storage', bytes(stats.storageBytes)],
    ['Counting for', ago(stats.since)],
  ]);
  rates.add(now, [rate('messagesReceived'), rate('eventsDelivered')]);
  sessions.add(now, [sum(stats.sessions), stats.queuedEvents]);
  const refusals = Object.entries(stats.messagesRefused).sort(([, one], [, other]) => other - one);
  const lately = (name) => (same ? stats.messagesRefused[name] - (same.stats.messagesRefused[name] ?? 0) : 0);
  fill(place('refusals'), [
    ['Error', ([name]) => name],
    ['Messages', ([, count]) => number(count), true],
    ['Since the last update', ([name]) => number(lately(name)), true],
  ], refusals, 'No message was refused.');
}

/** A button in a list. When the list is filled again, the button with the same name gets the focus. */
function opener(name, tree, open) {
  const button = element('button', { type: 'button', className: 'quiet' }, name);
  button.dataset.name = `${name} ${tree}`;
  button.addEventListener('click', () => open(button));
  return button;
}

/** A column for the home of each entry, if there are several homes. */
const homeColumn = () => (isAll() ? [['Home', ({ tree }) => tree]] : []);

function showClients({ clients, next }) {
  fill(place('clients'), [
    ['Client', ({ client, tree }) => opener(client, tree, (button) => openClient(client, tree ? at(tree) : query(), button))],
    ...homeColumn(),
    ['Since', ({ since }) => ago(since)],
    ['Last activity', ({ lastActivity }) => ago(lastActivity)],
    ['Transport', ({ transport }) => transport],
    ['Address', ({ address }) => address],
    ['Channels', ({ subscriptions }) => number(subscriptions), true],
    ['Waiting', ({ queued }) => number(queued), true],
  ], clients, 'No clients.');
  more('clients', next);
}

function showChannels({ channels, next }) {
  fill(place('channels'), [
    ['Channel', ({ channel, tree }) => opener(channel, tree, (button) => openChannel(channel, button))],
    ...homeColumn(),
    ['Subscribers', ({ subscribers }) => number(subscribers), true],
  ], channels, 'No subscriptions.');
  more('channels', next);
}

function more(list, next) {
  const note = place(`${list}-more`);
  note.hidden = next === undefined;
  note.textContent = `These are the first ${LONG}: “bayeux ${list}” lists all.`;
}
