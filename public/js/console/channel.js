// The page of a channel: its presence and its history.
import { call, Refused } from './api.js';
import { fill, number } from './tables.js';

const place = (id) => document.getElementById(id);
const dialog = place('channel-dialog');

/** Shown events: as many as a person reads. */
const LONG = 50;

/** Pages that are read to find the latest events; each has 256 KiB at most. */
const MOST_PAGES = 10;

let opener;

/** Opens the page of a channel, or of a pattern. */
export async function openChannel(channel, button) {
  opener = button;
  place('channel-title').textContent = channel;
  const [there, { events, goesOn }] = await Promise.all([presence(channel), history(channel)]);
  place('channel-there').textContent = there;
  fill(place('kept'), [
    ['Since', ({ ext }) => ext?.replay?.createdDate],
    ['Channel', ({ channel }) => channel],
    ['Data', ({ data }) => JSON.stringify(data)],
  ], events, 'No events are kept.');
  place('kept-more').hidden = !goesOn;
  if (!dialog.open) dialog.showModal();
}

/** The presence in words. */
async function presence(channel) {
  try {
    const { count, members } = await call('GET', '/presence', { channel });
    return count === 0 ? 'Nobody' : `${number(count)}: ${Object.keys(members).join(', ')}`;
  } catch (error) {
    if (error.message === '404::no_presence' || error.message === '400::channel_invalid') return 'This channel has no presence.';
    return words(error);
  }
}

/** The latest kept events, and whether there are later ones. */
async function history(channel) {
  const events = [];
  let after;
  try {
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const { events: more, next } = await call('GET', '/history', { channel, limit: 1000, ...(after && { after }) });
      events.push(...more);
      events.splice(0, events.length - LONG);
      after = next;
      if (next === undefined) break;
    }
  } catch (error) {
    events.splice(0, events.length, { data: words(error) });
  }
  return { events: events.reverse(), goesOn: after !== undefined };
}

const words = (error) => (error instanceof Refused ? `Refused: ${error.message}` : 'No answer');

place('channel-close').addEventListener('click', () => dialog.close());
dialog.addEventListener('close', () => opener?.isConnected && opener.focus());
