// What a client requests after a break, for a channel with history: a small stand-in for the server answers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Topic } from '../../packages/bayeux-edge/client/topic.js';

/** In place of cometd.js: notes what is asked for, and answers each subscribe as told. */
function server(...answers) {
  const asked = [];
  const client = {
    asked,
    subscribe(pattern, receive, { ext }, answered) {
      asked.push(ext?.replay?.[pattern]);
      client.publish = (number) => receive({ channel: pattern, data: number, ext: { replay: { replayId: number } } });
      queueMicrotask(() => answered(answers.shift()));
      return {};
    },
    removeListener() {},
  };
  return client;
}

const taken = (cursor) => ({ successful: true, ext: { replay: { '/a': cursor } } });
const refused = { successful: false, error: '400:/a:not_kept' };

async function joined(options, cometd) {
  const topic = new Topic('/a', options);
  const heard = [];
  topic.join({ heard, gaps: 0, confirm() {}, receive: (message) => heard.push(message), miss: () => (topic.missed = true), end() {} });
  await topic.subscribe(cometd);
  return { topic, heard };
}

async function again({ topic }, cometd) {
  topic.reset();
  return topic.subscribe(cometd);
}

test('it goes on after the last event, or from the cursor of the first reply', async () => {
  const cometd = server(taken(7), taken(7), taken(9));
  const subscriber = await joined({}, cometd);
  await again(subscriber, cometd);
  cometd.publish(9);
  await again(subscriber, cometd);
  assert.deepEqual(cometd.asked, [undefined, 7, 9]);
  assert.deepEqual(subscriber.heard.map(({ cursor, data }) => [cursor, data]), [[9, 9]]);
});

test('at first it asks for all events, new ones or those after a cursor', async () => {
  for (const [replay, number] of [['all', -2], ['new', -1], [5, 5]]) {
    const cometd = server(taken(1));
    await joined({ replay }, cometd);
    assert.deepEqual(cometd.asked, [number]);
  }
});

test('if the last event is not kept any more, all kept ones come, and the loss is reported', async () => {
  const cometd = server(taken(7), refused, taken(20));
  const subscriber = await joined({}, cometd);
  assert.ok((await again(subscriber, cometd)).successful);
  assert.deepEqual(cometd.asked, [undefined, 7, -2]);
  assert.ok(subscriber.topic.missed);
});

test('without replay it goes on with new events', async () => {
  const cometd = server(taken(7), refused, refused, { successful: true });
  const subscriber = await joined({}, cometd);
  assert.ok((await again(subscriber, cometd)).successful);
  assert.deepEqual(cometd.asked, [undefined, 7, -2, undefined]);
});

test('a first subscribe that is refused fails', async () => {
  const cometd = server(refused);
  const topic = new Topic('/a', { replay: 5 });
  assert.equal((await topic.subscribe(cometd)).error, refused.error);
  assert.deepEqual(cometd.asked, [5]);
});
