// A channel to which all open playground pages are subscribed.
import { complain, show } from './answers.js';

const CHANNEL = '/news/playground';

const form = document.getElementById('publish');
const heard = document.getElementById('heard');

/** Anybody may publish anything there. */
const textOf = (data) => (typeof data === 'string' ? data : JSON.stringify(data)).slice(0, 200);

export const listeners = new Map([[CHANNEL, (data) => show(heard, textOf(data))]]);

export const start = (connection) =>
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const { said } = form.elements;
    const text = said.value;
    said.value = '';
    said.focus();
    complain(heard, text, await connection.publish(CHANNEL, text));
  });
