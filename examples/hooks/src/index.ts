// A hooks Worker: rooms for members, a word that nobody may say, two services.
import { overlaps } from './channels';
import type { Answer, Call, HooksRequest, HooksResponse } from './contract';

export default {
  async fetch(request: Request): Promise<Response> {
    const { version, calls } = (await request.json()) as HooksRequest;
    if (version !== 1) return new Response('version 1, please', { status: 400 });
    const answers = await Promise.all(calls.map(answer));
    return Response.json({ answers } satisfies HooksResponse);
  },
};

async function answer(call: Call): Promise<Answer> {
  switch (call.hook) {
    case 'handshake': {
      // A password stands for whatever you check: a token, a row in a database …
      const { user, password } = call.message.ext ?? {};
      if (password === undefined) return { allow: true }; // a guest
      if (password !== 'sesame') return { allow: false, error: '401::wrong_password', ext: { loginAt: '/login' } };
      return { allow: true, attributes: { user } };
    }
    case 'subscribe':
      // Names may be patterns: `/**` would hear the members too.
      if (call.client.attributes?.user || !call.channels.some((name) => overlaps(name, '/members/**'))) return { allow: true };
      return { allow: false, error: '403::members_only' };
    case 'publish': {
      const { data } = call.message;
      if (JSON.stringify(data).includes('spam')) return { allow: false, error: '404::message_deleted' };
      if (!call.channel.startsWith('/members/')) return { allow: true };
      if (!call.client.attributes?.user) return { allow: false };
      return { allow: true, data: { from: call.client.attributes.user, said: data } };
    }
    case 'service':
      if (call.channel === '/service/greet') return { replies: [`Hello, ${call.client.attributes?.user ?? 'stranger'}!`] };
      if (call.channel === '/service/shout') return { actions: [{ do: 'publish', channel: '/shouts', data: call.message.data }] };
      return { error: '404::service_unknown' };
    case 'event':
      return call.event === 'client_connect' && call.client.client
        ? { actions: [{ do: 'push', client: call.client.client, channel: '/welcome', data: 'Good to see you.' }] }
        : {};
  }
}
