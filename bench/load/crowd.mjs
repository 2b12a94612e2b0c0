// Many clients: coming up a few at a time, and leaving.
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE = 20_000; // ms for all of them to leave
const LEAVING = 50; // at the same time

/** The load of one client: it is in one of the rooms, which is in one of the trees. */
function inRoom(load, number) {
  const { options } = load;
  const room = number % options.rooms;
  const named = (text) => text.replace('TREE', room % options.trees).replace('ROOM', room);
  return { ...load, options: { ...options, url: new URL(named(options.url.href)), channel: named(options.channel) } };
}

/** How many clients hear what one publishes: all of a room, where there is the same number in each. */
export const listeners = (subscribers, { rooms }) => subscribers.length / rooms;

/** Brings up `subs` subscribers, `conc` at a time; who fails is an error and left out. */
export async function bringUp(load) {
  const { account, options, Client } = load;
  const started = performance.now();
  const subscribers = [];
  await eachOf(Array(options.subs).keys(), options.conc, async (number) => {
    const client = new Client(inRoom(load, number), number, 'sub');
    try {
      await client.open();
      await client.subscribe();
      subscribers.push(client);
    } catch (error) {
      account.fail(`up ${error.message}`);
      await client.leave();
    }
  });
  return { subscribers, seconds: (performance.now() - started) / 1000 };
}

/** Clients that only publish. Each has one publish at a time; `onFree` is called whenever one may publish again. */
export class Publishers {
  #idle = [];
  #all = [];
  onFree = null;

  async open(load, count) {
    for (let number = 0; number < count; number++) {
      const client = new load.Client(inRoom(load, number), number, 'pub');
      await client.open();
      this.#all.push(client);
    }
    this.#idle = [...this.#all];
  }

  /** The one that has been idle longest publishes, unless all are busy; tells which of the two. */
  publish() {
    const client = this.#idle.shift();
    client?.publish(() => {
      this.#idle.push(client);
      this.onFree?.();
    });
    return client !== undefined;
  }

  get clients() {
    return this.#all;
  }
}

export async function sayGoodbye(clients) {
  // The server may be gone.
  const everyone = eachOf(clients.values(), LEAVING, (client) => client.leave().catch(() => {}));
  await Promise.race([everyone, sleep(PATIENCE)]);
}

/** Works through an iterator, `atOnce` of it at the same time. */
async function eachOf(iterator, atOnce, work) {
  const worker = async () => {
    for (const item of iterator) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
