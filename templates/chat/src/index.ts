import { allow, bayeux, BayeuxApplication, covers, deny, publish, type PublishCall, type ServiceCall } from 'bayeux-edge';

export { ChannelTree } from 'bayeux-edge';

export default bayeux();

/** What goes over a room's channel, `/chat/<room>`. */
export interface Text {
  name: string;
  text: string;
  /** When the server took it, in ms. */
  time: number;
}

/** What the server asks before it does what clients want. Bindings are in `this.env`. */
export class Application extends BayeuxApplication<Env> {
  /** A rule: rooms are for texts, with a name and of a sensible length. */
  publish({ channel, data }: PublishCall<Partial<Text>>) {
    if (!covers('/chat/*', channel)) return true;
    const { name, text } = data ?? {};
    if (!isText(name, 40) || !isText(text, 1000)) return deny('400::text_invalid');
    return allow({ data: { name, text, time: Date.now() } satisfies Text });
  }

  /** A remote call: clients `call('dice', …)`, and its result is for them alone. `service = { … }` has plain services. */
  remote = {
    dice: ({ data }: ServiceCall<{ room?: string; name?: string }>) => {
      const rolled = 1 + (crypto.getRandomValues(new Uint32Array(1))[0]! % 6);
      const room = `/chat/${data?.room}`;
      if (!covers('/chat/*', room) || !isText(data?.name, 40)) return { rolled };
      return publish(room, { name: 'Dice', text: `${data.name} rolled a ${rolled}.`, time: Date.now() } satisfies Text).answer({ rolled });
    },
  };
}

const isText = (value: unknown, longest: number): value is string => typeof value === 'string' && value.trim() !== '' && value.length <= longest;
