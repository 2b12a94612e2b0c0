// What strict durability costs where clients read what they are sent, beside relaxed, and Faye.
//
// Faye's Redis engine (faye-redis) pushes a message to a list for each client and empties that list in one transaction
// when it sends it (LRANGE, DEL): a message is gone when its answer is lost, and Redis decides what outlives Redis. Its
// in-memory engine, which is measured here, promises the same while the process lives, and is the faster of the two.
const load = { mode: 'sat', subs: 100, window: 8 };
const figures = [{ title: 'deliveries/s', read: ({ delivPerSec }) => delivPerSec, goals: [{ against: 'strict' }, { against: 'faye' }] }];
const servers = ['bayeux-edge', 'strict', 'faye'];

export const transport = 'lp';

export const measures = {
  polls: { servers, load, heading: 'saturation: 8 publishes in flight, 100 polls', figures },
  sockets: { servers, load: { ...load, transport: 'ws' }, heading: 'saturation: 8 publishes in flight, 100 sockets', figures },
};
