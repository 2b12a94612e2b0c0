// The page: a room, a name, what people say.
import { connect, type Presence, type Subscription } from 'bayeux-edge/client';

interface Text {
  name: string;
  text: string;
  time: number;
}

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const [log, status, form] = [element('log'), element('status'), element<HTMLFormElement>('say')];
const [name, text] = [element<HTMLInputElement>('name'), element<HTMLInputElement>('text')];

const room = () => decodeURIComponent(location.hash.slice(1)).replace(/[^\w-]/g, '') || 'demo';

const client = connect('/cometd', {
  token: logIn,
});
client.onState((state) => (status.textContent = state));

/** Who you are, asked for again before it ends; nothing where the server asks nobody (src/login.ts). */
async function logIn() {
  const response = await fetch('/token');
  if (response.status === 204) return null;
  if (!response.ok) throw new Error(await response.text());
  const token = await response.text();
  const claims = atob(token.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/'));
  name.value = JSON.parse(new TextDecoder().decode(Uint8Array.from(claims, (char) => char.charCodeAt(0)))).sub;
  name.readOnly = true;
  return token;
}

let subscription: Subscription<Text> | undefined;
let presence: Presence | undefined;
enter();
addEventListener('hashchange', enter);

function enter() {
  subscription?.cancel();
  presence?.cancel();
  element('here').textContent = '';
  log.replaceChildren();
  element('room').textContent = room();
  subscription = client.subscribe<Text>(`/chat/${room()}`, ({ data }) => show(data), { replay: 'all' });
  subscription.ready.catch((error: Error) => note(error.message));
  presence = client.presence(`/chat/${room()}`, showPeople);
  presence.ready.catch(() => {}); // a room may tell nobody who is there
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const said = text.value;
  text.value = '';
  try {
    if (said === '/dice') note(`You rolled a ${(await client.call('dice', { room: room(), name: name.value })).rolled}.`);
    else await client.publish(`/chat/${room()}`, { name: name.value, text: said });
  } catch (error) {
    text.value ||= said;
    note(`Not sent: ${(error as Error).message}`);
  }
});

function show({ name, text, time }: Text) {
  line(`${new Date(time).toLocaleTimeString()} `, name, `: ${text}`);
}

/** Who has logged in is named; the others are counted. */
function showPeople({ count, members }: Presence) {
  const names = (members ?? []).map(({ user }) => user).filter((user) => !user.startsWith('session:'));
  element('here').textContent = `${count} here${names.length > 0 ? `: ${names.sort().join(', ')}` : ''}`;
}

function note(text: string) {
  line(text).className = 'note';
}

function line(before: string, strong = '', after = '') {
  const place = document.createElement('p');
  const bold = document.createElement('b');
  bold.textContent = strong;
  place.append(before, bold, after);
  log.append(place);
  place.scrollIntoView();
  return place;
}
