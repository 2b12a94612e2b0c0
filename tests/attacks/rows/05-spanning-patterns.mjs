// Whoever listens to everything has every publish sent to his home.
import { upTo } from '../world.mjs';

export default {
  row: '5',
  input: '40 sockets at 40 homes, each subscribes to `/**`; one publish',
  holds: 'the publish starts no more objects than its owner',
  vars: { HOMES: 'sharded:64' },
  async attack(world, short) {
    const homes = new Set();
    let allowed = 0;
    for (let at = 1; homes.size < (short ? 10 : 40) && at < 250; at += 1) {
      const socket = await world.socket('', `192.0.2.${at}`);
      const clientId = await socket.join();
      homes.add(clientId.slice(0, -22));
      const [reply] = await socket.ask({ channel: '/meta/subscribe', clientId, subscription: '/**' });
      if (reply.successful) allowed += 1;
    }
    const before = world.server.logs.length;
    await world.serves();
    return { cost: `${allowed} of the subscribes allowed, ${homes.size} homes, ${world.server.logs.length - before} log lines for one publish`, holds: allowed === 0 };
  },
};
