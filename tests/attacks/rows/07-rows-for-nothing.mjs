// Subscribes to what the session has already.
import { inPieces, upTo, waitedMeanwhile } from '../world.mjs';

export default {
  row: '7',
  input: 'a session with as many long names as it may have subscribes 256 times to one that it has',
  holds: 'nothing is written, and nobody waits',
  async attack(world) {
    const client = await world.join({ path: '/t' });
    await client.subscribe('/t/x');
    const names = upTo(1999).map((at) => `/t/${at}/`.padEnd(500, 'x'));
    let taken = 0;
    for (const part of inPieces(names, 100)) if ((await client.subscribe(part)).json[0].successful) taken += part.length;
    const neighbour = await world.join({ path: '/t', address: '198.51.100.1' });
    const ask = () => neighbour.publish('/t/neighbours', 1);
    const alone = (await waitedMeanwhile(ask, () => client.publish('/t/nobody', 1)))[1];
    const [{ status }, longest] = await waitedMeanwhile(ask, () => client.send(...upTo(256).map(() => ({ channel: '/meta/subscribe', subscription: '/t/x' }))));
    return { cost: `${taken} names taken; a neighbour waited for ${longest} ms (else ${alone})`, holds: status === 200 && longest < 500 };
  },
};
