// The tail of a channel pattern, for ten minutes at most, because each call keeps an object awake.
import { call, Refused } from './api.js';
import { element, fill } from './tables.js';

const EVERY = 1_000; // ms
const MOST_CALLS = 600;

/** Shown events, the latest ones. */
const LONG = 200;

const place = (id) => document.getElementById(id);
const said = (text) => (place('tail-said').textContent = text);
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

let timer;
let events = [];

place('tail-form').addEventListener('submit', (event) => {
  event.preventDefault();
  if (timer) stop('Stopped');
  else start(place('tail-pattern').value.trim());
});

function start(channel) {
  events = [];
  let after;
  let calls = 0;
  const running = {};
  timer = running;
  place('tail-switch').textContent = 'Stop';
  place('tail-pattern').readOnly = true;
  said(`Watching ${channel}`);
  const next = async () => {
    if (timer !== running) return;
    try {
      if (!document.hidden) {
        const page = await call('GET', '/tail', { channel, ...(after !== undefined && { after }) });
        if (timer !== running) return;
        after = page.next;
        calls += 1;
        show(page);
      }
    } catch (error) {
      if (timer !== running) return;
      if (error instanceof Refused) return stop(error.message === '404::no_tail' ? 'Tails are off: TAIL_EVENTS enables them.' : `Refused: ${error.message}`);
      said('No answer; trying again…');
    }
    if (calls >= MOST_CALLS) return stop('Stopped after ten minutes');
    setTimeout(next, EVERY);
  };
  next();
}

function stop(why) {
  timer = undefined;
  place('tail-switch').textContent = 'Watch';
  place('tail-pattern').readOnly = false;
  said(why);
}

function show({ events: came, missed }) {
  const at = clock.format();
  const news = came.map(({ channel, data }) => ({ at, channel, data: JSON.stringify(data) }));
  if (missed) news.unshift({ at, channel: '', data: element('em', {}, 'Some events are missing') });
  if (news.length === 0 && !place('tail-table').hidden && events.length > 0) return;
  events = [...news.reverse(), ...events].slice(0, LONG);
  place('tail-table').hidden = false;
  fill(place('tail'), [
    ['Seen at', ({ at }) => at],
    ['Channel', ({ channel }) => channel],
    ['Data', ({ data }) => data],
  ], events, 'No events yet.');
}
