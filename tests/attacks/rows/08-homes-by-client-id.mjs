// clientIds name homes that the server may never have had.
import { upTo } from '../world.mjs';

export default {
  row: '8',
  input: 'one socket without a session sends connects with clientIds of 100 shards',
  holds: 'only homes that the configuration makes are called',
  async attack(world) {
    const socket = await world.socket();
    for (const at of upTo(100)) {
      const clientId = `s${at.toString(36).padStart(2, '0')}${'x'.repeat(22)}`;
      await Promise.race([socket.ask({ channel: '/meta/connect', clientId, connectionType: 'websocket' }), socket.closed]).catch(() => undefined);
    }
    const objects = world.homes().size;
    return { cost: `${objects} objects`, holds: objects <= 3 };
  },
};
