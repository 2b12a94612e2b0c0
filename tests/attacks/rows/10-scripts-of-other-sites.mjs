// `<script src=…?jsonp=…>` in another site's page: no browser asks whether it may.
import { HANDSHAKE } from '../../e2e/support/bayeux.mjs';
import { request } from '../../e2e/support/http.mjs';

export default {
  row: '10',
  input: 'a script of another site shakes hands by callback-polling',
  holds: 'it is refused',
  async attack(world) {
    const query = new URLSearchParams({ message: JSON.stringify([{ ...HANDSHAKE, supportedConnectionTypes: ['callback-polling'] }]), jsonp: 'f' });
    const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script' };
    const { status, text } = await request(`${world.url}?${query}`, { method: 'GET', headers });
    const opened = /"successful":true/.test(text);
    return { cost: `${status}, ${opened ? 'a session' : 'no session'}`, holds: !opened };
  },
};
