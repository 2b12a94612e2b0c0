// The connection's state in words, where a screen reader announces it.
const line = document.getElementById('status');

/** How long the news of a reconnection stays before it is plainly connected again. */
const NEWS = 12_000; // ms

const WORDS = {
  connected: 'Connected',
  reconnecting: 'Reconnecting…',
  closed: 'Disconnected by the server. Reload the page to try again.',
};

let fading;

/** `state` is one of a Connection's. */
export const show = (state) => say(state, WORDS[state]);

/** `missed` is a number of messages, or null as long as it is not known. */
export function showReconnected(missed) {
  say('connected', `Reconnected${what(missed)}`);
  fading = setTimeout(() => show('connected'), NEWS);
}

function say(state, text) {
  clearTimeout(fading);
  line.dataset.state = state;
  line.textContent = text;
}

function what(missed) {
  if (missed === null) return '';
  if (missed === 0) return ', nothing missed';
  return `, ${missed} missed ${missed === 1 ? 'message' : 'messages'}`;
}
