import type { Extension } from 'cometd';

/** Up to which number each name was heard. */
export type Heard = Record<string, number>;

export interface Store {
  load(): Heard;
  save(heard: Heard): void;
}

export interface ReplayOptions {
  /**
   * What a name hears that was never heard before: what is new, all that is kept, or what came after a number. `'new'`
   * without it.
   */
  from?: 'new' | 'all' | number;
  /** Where the numbers are kept: in memory without it. */
  store?: Store;
  /** What came since is not all kept any more: that subscribe was refused, and the next one asks for all that is. */
  onMissed?: (name: string) => void;
}

/**
 * An extension for cometd.js, `cometd.registerExtension('replay', replay)`, and for Faye,
 * `client.addExtension(replay)`.
 */
export declare class Replay implements Extension {
  constructor(options?: ReplayOptions);
  /** Up to which number this name was heard. */
  heard(name: string): number | undefined;
  /** From now on this name hears what came after a number, or what `from` says. */
  forget(name: string, number?: number): void;
  outgoing: (message: any, pass?: (message: any) => void) => any;
  incoming: (message: any, pass?: (message: any) => void) => any;
}

/** In a browser's storage under this name; without one in memory. */
export declare function kept(storage?: Pick<Storage, 'getItem' | 'setItem'>, name?: string): Store;
