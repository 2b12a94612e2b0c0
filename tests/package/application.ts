// An application that has everything, for application.test.mjs.
import { actions, allow, answer, bayeux, BayeuxApplication, deny, fail, overlaps, params, publish, reply } from 'bayeux-edge';
import type { HandshakeCall, PublishCall, ServerEvent, ServiceCall, SubscribeCall } from 'bayeux-edge';

export { ChannelTree } from 'bayeux-edge';

const server = bayeux<Env>({ path: '/realtime/v1' });

export default {
  fetch(request, env, ctx) {
    return new URL(request.url).pathname === '/time' ? Response.json(1) : server.fetch(request, env, ctx);
  },
} satisfies ExportedHandler<Env>;

export class Application extends BayeuxApplication<Env> {
  async handshake({ ext }: HandshakeCall) {
    if (ext?.password === undefined) return true;
    if (ext.password !== this.env.PASSWORD) return deny('401::wrong_password', { ext: { loginAt: '/login' } });
    return allow({ attributes: { user: ext.user } });
  }

  subscribe({ channels, client }: SubscribeCall) {
    return client.attributes?.user !== undefined || !channels.some((name) => overlaps('/members/**', name));
  }

  async publish({ channel, data, client }: PublishCall<string>) {
    const room = params('/rooms/{room}', channel)?.room;
    if (data === 'throw') throw new Error('as it was asked to');
    if (data === 'nothing') return undefined as unknown as boolean;
    if (data === 'spam') return false;
    if (room === undefined) return true;
    return allow({ data: { room, from: client.attributes?.user ?? 'a guest', text: data } }).publish('/log', room);
  }

  service = {
    echo: ({ data }: ServiceCall) => data,
    count: () => reply(1).reply(2).publish('/log', 'counted'),
    none: () => undefined,
    null: () => null,
    late: async ({ data }: ServiceCall<number>) => {
      await scheduler.wait(data);
      return this.env.PASSWORD.length;
    },
    missing: () => fail('404::no_such_thing'),
    announce: ({ data }: ServiceCall) => publish('/log', data),
    '*': ({ name }: ServiceCall) => `there is no ${name}`,
  };

  remote = {
    divide: ({ data: [dividend, divisor] }: ServiceCall<[number, number]>) => (divisor === 0 ? fail('no quotient') : dividend / divisor),
    nothing: () => undefined,
    logged: () => answer(3).publish('/log', 'divided'),
  };

  on({ event, client }: ServerEvent) {
    if (event === 'client_connect') return actions().push(client.client!, '/welcome', 'Good to see you.');
  }
}
