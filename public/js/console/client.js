// The page of a client: what the API shows of it, a push, and a disconnect.
import { call } from './api.js';
import { ago, facts, fill, number } from './tables.js';

const place = (id) => document.getElementById(id);
const dialog = place('client');

/** The channel of a push. Only this client receives it. */
const PUSH = '/push';

let shown; // its name, its home, and the element that had the focus

/** Opens the page of a client. */
export async function openClient(client, home, button) {
  shown = { client, home, button };
  place('client-title').textContent = `Client ${client}`;
  place('client-said').textContent = '';
  try {
    tell(await call('GET', `/clients/${encodeURIComponent(client)}`, home));
  } catch (error) {
    facts(place('client-facts'), [['Gone', error.message]]);
    showRefusals([]);
  }
  if (!dialog.open) dialog.showModal();
}

function tell({ since, lastActivity, transport, address, connected, queued, channels, attributes, refusals = [] }) {
  showRefusals(refusals);
  facts(place('client-facts'), [
    ['Since', ago(since)],
    ['Last activity', ago(lastActivity)],
    ['Transport', transport ?? 'unknown'],
    ['Address', address ?? 'unknown, or not shown to this key'],
    ['Connect held', connected ? 'yes' : 'no'],
    ['Queued events', number(queued)],
    ['Subscribed to', channels.join(', ') || 'nothing'],
    ...(attributes ? [['Attributes', JSON.stringify(attributes)]] : []),
  ]);
}

const showRefusals = (refusals) =>
  fill(place('client-refusals'), [
    ['Ago', ({ at }) => ago(at)],
    ['What', ({ channel, subscription }) => subscription ?? channel],
    ['Error', ({ error }) => error],
    ['Rule that allows others', ({ rule }) => rule],
  ], refusals, 'No message was refused.');

place('push').addEventListener('submit', async (event) => {
  event.preventDefault();
  let said;
  try {
    const message = { channel: PUSH, data: JSON.parse(place('push-data').value), client: shown.client };
    const [reply] = (await call('POST', '/publish', shown.home, [message])).slice(-1);
    said = reply.successful ? 'Pushed' : `Refused: ${reply.error}`;
  } catch (error) {
    said = error instanceof SyntaxError ? 'The data is not valid JSON' : `Refused: ${error.message}`;
  }
  place('client-said').textContent = said;
});

place('disconnect').addEventListener('click', async () => {
  try {
    await call('DELETE', `/clients/${encodeURIComponent(shown.client)}`, shown.home);
    place('client-said').textContent = 'Its session has ended';
  } catch (error) {
    place('client-said').textContent = `Refused: ${error.message}`;
  }
});

place('close').addEventListener('click', () => dialog.close());
dialog.addEventListener('close', () => shown?.button.isConnected && shown.button.focus());
