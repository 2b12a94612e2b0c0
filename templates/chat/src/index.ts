import { allow, bayeux, BayeuxApplication, covers, deny, publish, type PublishCall, type ServiceCall } from 'bayeux-edge';
import { login, type Secrets } from './login';

export { ChannelTree } from 'bayeux-edge';

const server = bayeux();

export default {
  fetch(request, env, ctx) {
    return new URL(request.url).pathname === '/token' ? login(request, env as Secrets) : server.fetch(request, env, ctx);
  },
} satisfies ExportedHandler<Env>;

/** What goes over a room's channel, `/chat/<room>`. */
export interface Text {
  name: string;
  text: string;
  /** When the server took it, in ms. */
  time: number;
}

/** What the server asks before it does what clients want. Bindings are in `this.env`. */
export class Application extends BayeuxApplication<Env> {
  /** A rule: rooms are for texts, with a name and of a sensible length. Who has logged in speaks under that name. */
  publish({ channel, data, client }: PublishCall<Partial<Text>>) {
    if (!covers('/chat/*', channel)) return true;
    const name = loggedIn(client) ?? data?.name;
    const text = data?.text;
    if (!isText(name, 40) || !isText(text, 1000)) return deny('400::text_invalid');
    return allow({ data: { name, text, time: Date.now() } satisfies Text });
  }

  /**
   * A remote call: clients `call('dice', …)`, and its result is for them alone. `service = { … }` has plain services.
   */
  remote = {
    dice: ({ data, client }: ServiceCall<{ room?: string; name?: string }>) => {
      const rolled = 1 + (crypto.getRandomValues(new Uint32Array(1))[0]! % 6);
      const room = `/chat/${data?.room}`;
      const name = loggedIn(client) ?? data?.name;
      if (!covers('/chat/*', room) || !isText(name, 40)) return { rolled };
      return publish(room, { name: 'Dice', text: `${name} rolled a ${rolled}.`, time: Date.now() } satisfies Text).answer({ rolled });
    },
  };
}

/** The name in the client's token, which the server has checked. */
function loggedIn({ attributes }: { attributes?: Record<string, unknown> }) {
  const { email, sub } = (attributes?.claims ?? {}) as { email?: string; sub?: string };
  return email ?? sub;
}

const isText = (value: unknown, longest: number): value is string => typeof value === 'string' && value.trim() !== '' && value.length <= longest;
