/** Whether it can be published to: `/chat/demo`. */
export declare function isChannel(name: string): boolean;

/** Whether it can be subscribed to: a channel, or one that ends in `/*` (one segment more) or `/**` (one or more). */
export declare function isPattern(name: string): boolean;

/**
 * Whether `pattern` matches every channel that `name`, a channel or a pattern, matches. What a client may do under
 * `/chat/**` it may do at each name that this covers.
 *
 *     covers('/chat/**', '/chat/demo')  // true
 *     covers('/chat/**', '/**')         // false: that is more
 */
export declare function covers(pattern: string, name: string): boolean;

/**
 * Whether some channel is matched by both. To keep something from subscribers ask this: who subscribes to `/**` hears
 * `/members/tea` too.
 *
 *     overlaps('/members/**', '/**')      // true
 *     overlaps('/members/**', '/open/*')  // false
 */
export declare function overlaps(pattern: string, other: string): boolean;

/**
 * The segments that a template names, or null where the channel does not have its form. Patterns have no parameters.
 *
 *     params('/rooms/{room}/chat', '/rooms/blue/chat')  // { room: 'blue' }
 */
export declare function params<Template extends string>(template: Template, channel: string): Record<ParamName<Template>, string> | null;

export type ParamName<Template extends string> =
  Template extends `${string}{${infer Name}}${infer Rest}` ? Name | ParamName<Rest> : never;
