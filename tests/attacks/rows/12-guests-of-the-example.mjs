// The example of a hooks Worker keeps members' rooms from guests.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { inRoot } from '../../../scripts/lib/project.mjs';
import { events } from '../../e2e/support/bayeux.mjs';

export default {
  row: '12',
  input: 'examples/hooks: a guest subscribes to `/members/x`, `/members/*`, `/members/**`, `/**`',
  holds: 'the guest reads nothing that members say',
  async options() {
    const script = join(await mkdtemp(join(tmpdir(), 'bayeux-edge-hooks-')), 'hooks.js');
    await build({ entryPoints: [inRoot('examples', 'hooks', 'src', 'index.ts')], bundle: true, format: 'esm', outfile: script });
    return { beside: [{ name: 'bayeux-hooks', script }], services: { HOOKS: 'bayeux-hooks' } };
  },
  vars: { SPANNING_PATTERNS: 'true', TREE_DEPTH: '0' },
  async attack(world) {
    const guest = await world.join();
    const allowed = [];
    for (const name of ['/members/x', '/members/*', '/members/**', '/**']) if ((await guest.subscribe(name)).json[0].successful) allowed.push(name);
    const member = await world.post([{ channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['long-polling'], ext: { user: 'alice', password: 'sesame' } }]);
    await world.post([{ channel: '/members/x', clientId: member.json[0].clientId, data: 'ours' }]);
    const heard = events((await guest.connect({ advice: { timeout: 0 } })).json);
    return { cost: `allowed: ${allowed.join(', ') || 'none'}; ${heard.length} events read`, holds: heard.length === 0 };
  },
};
