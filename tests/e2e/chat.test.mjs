// The chat page in a real browser: people in rooms.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startServer } from '../../scripts/lib/server.mjs';
import { join } from './support/bayeux.mjs';
import { browser, Chatter, PHONE } from './support/browser.mjs';

const server = await startServer();
after(() => server.stop());
const pollsOnly = await startServer({ vars: { CONNECTION_TYPES: 'long-polling' } });
after(() => pollsOnly.stop());
const chromium = await browser();

/** A room that no other test uses. */
const room = (name, { url } = server) => `${url}/chat/${name}`;

const enter = (address, name, options) => Chatter.join(chromium, address, name, options);

test('two people talk, and each sees that the other is there', async () => {
  const ada = await enter(room('two'), 'Ada');
  const bob = await enter(room('two'), 'Bob');
  for (const person of [ada, bob]) assert.equal(person.transport, 'websocket');
  await ada.notes('Bob joined');
  await Promise.all([ada.sees('Ada', 'Bob'), bob.sees('Bob', 'Ada')]);
  await ada.say('Good morning');
  await bob.hears('Good morning');
  await bob.say('Hello Ada');
  await ada.hears('Hello Ada');
  assert.deepEqual(await ada.texts(), ['Good morning', 'Hello Ada']);
  assert.deepEqual(await bob.texts(), ['Good morning', 'Hello Ada']);
  assert.ok(await (await ada.hears('Good morning')).evaluate(({ classList }) => classList.contains('own')));
});

test('without WebSocket two people talk, come and go and reload over polls', async () => {
  const ada = await enter(room('polls', pollsOnly), 'Ada');
  const bob = await enter(room('polls', pollsOnly), 'Bob');
  for (const person of [ada, bob]) assert.equal(person.transport, 'long-polling');
  await Promise.all([ada.sees('Ada', 'Bob'), bob.sees('Bob', 'Ada')]);
  await ada.say('Good morning');
  await bob.hears('Good morning');
  await bob.page.reload();
  await bob.hears('Good morning');
  await bob.say('Hello Ada');
  await ada.hears('Hello Ada');
  await bob.leave();
  await ada.notes('Bob left');
  await ada.sees('Ada');
});

test('a later visitor reads earlier messages, even if all others have left', async () => {
  const ada = await enter(room('long'), 'Ada');
  const texts = ['a', '"', '漢'].map((sign) => sign.repeat(4000));
  for (const text of texts) {
    await ada.say(text);
    await ada.arrives(text);
  }
  await ada.leave();
  const bob = await enter(room('long'), 'Bob');
  await bob.hears(texts.at(-1));
  assert.deepEqual(await bob.texts(), texts);
});

test('an empty room says so and has its link to share, until somebody writes', async () => {
  const ada = await enter(room('empty'), 'Ada');
  const link = ada.page.getByLabel('Link to this room');
  await link.waitFor();
  assert.equal(await link.inputValue(), room('empty'));
  assert.ok((await link.boundingBox()).y > 0, 'within sight');
  await ada.say('first');
  await link.waitFor({ state: 'hidden' });
});

test('all clients show the same order, whoever wrote and whenever they joined', async () => {
  const people = [];
  for (const name of ['Ada', 'Bob']) people.push(await enter(room('order'), name));
  await Promise.all(people.map(async (person, at) => {
    for (const text of ['one', 'two', 'three']) await person.say(`${text} of ${at}`);
  }));
  for (const person of people) {
    for (const at of [0, 1]) await person.hears(`three of ${at}`);
    await person.page.waitForFunction(() => !document.querySelector('#messages [data-state=pending]'));
  }
  const eve = await enter(room('order'), 'Eve');
  for (const at of [0, 1]) await eve.hears(`three of ${at}`);
  const order = await eve.texts();
  assert.equal(order.length, 6);
  for (const person of people) assert.deepEqual(await person.texts(), order);
});

test('the room shows who is typing, until the message is sent', async () => {
  const ada = await enter(room('typing'), 'Ada');
  const bob = await enter(room('typing'), 'Bob');
  await bob.page.getByLabel('Your message').pressSequentially('hm');
  await ada.page.getByText('Bob is typing…').waitFor();
  assert.equal(await bob.page.locator('#typing').textContent(), '');
  await bob.say('done');
  await ada.hears('done');
  await ada.page.getByText('Bob is typing…').waitFor({ state: 'hidden' });
});

test('a name is asked for once, and remembered', async () => {
  const page = await chromium.visit(room('name'));
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await dialog.waitFor();
  await page.getByLabel('Your name').fill('   ');
  await page.keyboard.press('Enter');
  assert.ok(await dialog.isVisible(), 'blanks are no name');
  await page.getByLabel('Your name').fill('Ada');
  await page.keyboard.press('Enter');
  const ada = new Chatter(page);
  await ada.status('Connected');
  await page.reload();
  await ada.status('Connected');
  assert.ok(await dialog.isHidden());
  await ada.sees('Ada');
});

test('a second tab knows the name, and is another person with that name', async () => {
  const ada = await enter(room('tab'), 'Ada');
  const tab = await ada.page.context().newPage();
  await tab.goto(room('tab'));
  const other = new Chatter(tab);
  await other.status('Connected');
  assert.ok(await tab.getByRole('dialog').isHidden());
  await ada.sees('Ada', 'Ada');
  await other.say('from here');
  assert.ok(!(await (await ada.hears('from here')).evaluate(({ classList }) => classList.contains('own'))));
});

test('a draft survives a reload, in its own room, until it is sent', async () => {
  const ada = await enter(room('draft'), 'Ada');
  const field = ada.page.getByLabel('Your message');
  await field.fill('half a thought\nand a line');
  await ada.page.reload();
  await ada.status('Connected');
  assert.equal(await field.inputValue(), 'half a thought\nand a line');
  await ada.page.goto(room('draft-elsewhere'));
  await ada.status('Connected');
  assert.equal(await field.inputValue(), '');
  await ada.page.goto(room('draft'));
  await ada.status('Connected');
  await field.press('Enter');
  await ada.arrives('half a thought\nand a line');
  await ada.page.reload();
  await ada.hears('half a thought\nand a line');
  assert.equal(await field.inputValue(), '');
});

test('a paste beyond the limit stays whole with a note, and is sent once it is shortened', async () => {
  const ada = await enter(room('paste'), 'Ada', { permissions: ['clipboard-read', 'clipboard-write'] });
  const field = ada.page.getByLabel('Your message');
  await ada.page.evaluate(() => navigator.clipboard.writeText('x'.repeat(4003)));
  await field.press('Control+v');
  await ada.page.getByText('3 characters too many: a message has 4000 at most.').waitFor();
  await field.press('Enter');
  assert.equal((await field.inputValue()).length, 4003, 'nothing of it is lost');
  for (let at = 0; at < 3; at += 1) await field.press('Backspace');
  await ada.page.getByText('too many').waitFor({ state: 'hidden' });
  await field.press('Enter');
  await ada.arrives('x'.repeat(4000));
  assert.deepEqual(await ada.texts(), ['x'.repeat(4000)]);
});

test('code, emphasis and links are shown as such', async () => {
  const [ada, bob] = [await enter(room('marks'), 'Ada'), await enter(room('marks'), 'Bob')];
  await ada.say('*so* **it** is `a < b`, see [the docs](https://example.org/x)\n```\nif (a)\n  b\n```');
  for (const { log } of [ada, bob]) {
    const text = log.locator('.text');
    assert.equal(await text.locator('em').textContent(), 'so');
    assert.equal(await text.locator('strong').textContent(), 'it');
    assert.deepEqual(await text.locator('code').allTextContents(), ['a < b', 'if (a)\n  b']);
    const link = text.getByRole('link', { name: 'the docs' });
    assert.deepEqual(await link.evaluate(({ href, rel }) => [href, rel]), ['https://example.org/x', 'noopener noreferrer nofollow']);
    assert.match(await text.textContent(), /the docs \(example\.org\)/);
  }
});

test('no text of others becomes HTML, whatever its marks', async () => {
  const ada = await enter(room('hostile'), 'Ada');
  const program = await join(`${server.url}/cometd`);
  const html = '<img src=x onerror="document.title = `taken`"><script>document.title = "taken"</script>';
  const hostile = [
    ...['', '`', '*', '**', '_'].map((mark) => `${mark}${html}${mark}`),
    `\`\`\`html\n${html}\n\`\`\``,
    `[${html}](https://example.org/)`,
    '[a](javascript:alert(1)) [b](https://example.org/"onmouseover="alert(1)) [c]( https://example.org/) [d](data:text/html,x)',
    'https://example.org/"><img/src=x/onerror=alert(1)>',
    '[\u202ehttps://bank.example](https://evil.example/)',
  ];
  for (const text of hostile) await program.ok(program.publish('/chat/hostile', { name: html.slice(0, 60), text }));
  await program.ok(program.publish('/chat/hostile', { text: 'the last one' }));
  await ada.hears('the last one');
  const log = await ada.log.evaluate((log) => ({
    names: [...new Set([...log.querySelectorAll('.message *')].map(({ localName }) => localName))].sort(),
    attributes: [...new Set([...log.querySelectorAll('.text *')].flatMap((node) => node.getAttributeNames()))].sort(),
    schemes: [...new Set([...log.querySelectorAll('a')].map(({ protocol }) => protocol))],
  }));
  assert.deepEqual(log, {
    names: ['a', 'bdi', 'code', 'div', 'em', 'p', 'pre', 'span', 'strong', 'time'].filter((name) => log.names.includes(name)),
    attributes: ['class', 'href', 'rel', 'target'],
    schemes: ['https:'],
  });
  assert.equal(await ada.page.title(), 'hostile · bayeux-edge');
  assert.ok((await ada.texts()).includes(html), 'it is there to be read');
});

for (const viewport of [{ width: 375, height: 740 }, { width: 1280, height: 760 }])
  test(`nothing moves when the connection breaks and comes back, ${viewport.width} pixels wide`, async () => {
    const ada = await enter(room(`still-${viewport.width}`), 'Ada', { viewport });
    const bob = await enter(room(`still-${viewport.width}`), 'Bob');
    const places = () =>
      ada.page.evaluate(() =>
        ['.brand', 'h1', '.site', '#toggle', '#log', '#composer'].map((name) => {
          const { x, y } = document.querySelector(name).getBoundingClientRect();
          return `${name} ${x} ${y}`;
        }),
      );
    await ada.sees('Ada', 'Bob');
    const before = await places();
    await ada.page.context().setOffline(true);
    await ada.status('Reconnecting');
    assert.deepEqual(await places(), before);
    for (let at = 0; at < 12; at += 1) await bob.say(`${at}`);
    await bob.arrives('11');
    await ada.page.context().setOffline(false);
    await ada.status('Reconnected, 12 missed messages');
    assert.deepEqual(await places(), before);
  });

test('the others see a new name', async () => {
  const ada = await enter(room('rename'), 'Ada');
  const bob = await enter(room('rename'), 'Bob');
  await ada.sees('Ada', 'Bob');
  await bob.page.getByRole('button', { name: 'Change your name' }).click();
  await bob.page.getByLabel('Your name').fill('Robert');
  await bob.page.keyboard.press('Enter');
  await ada.notes('Bob is now Robert');
  await Promise.all([ada.sees('Ada', 'Robert'), bob.sees('Robert', 'Ada')]);
});

test('the room comes from the address, and rooms do not hear each other', async () => {
  const address = room(encodeURIComponent('Café ☕/日本 100%'));
  const ada = await enter(address, 'Ada');
  const bob = await enter(room(encodeURIComponent('café ☕/日本 100%')), 'Bob');
  const eve = await enter(room('café'), 'Eve');
  assert.equal(await ada.page.getByRole('heading', { level: 1 }).textContent(), 'café ☕/日本 100%');
  await ada.say('only for this room');
  await bob.hears('only for this room');
  await eve.say('alone');
  await eve.hears('alone');
  assert.deepEqual(await eve.texts(), ['alone']);
  await eve.sees('Eve');
});

test('another room is entered by its name, and left by its link', async () => {
  const ada = await enter(room('first'), 'Ada');
  await ada.page.getByLabel('Go to a room').fill(' Second  Room ');
  await ada.page.keyboard.press('Enter');
  await ada.page.waitForURL(room('second%20room'));
  await ada.status('Connected');
  await ada.page.getByRole('link', { name: 'first' }).click();
  await ada.page.waitForURL(room('first'));
  await ada.status('Connected');
});

test('an address without a room is the lobby', async () => {
  for (const path of ['/chat', '/chat/', '/chat/lobby']) {
    const page = await chromium.visit(server.url + path);
    assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'lobby');
  }
});

test('text of others is never HTML, and web addresses become links', async () => {
  const ada = await enter(room('html'), '<b>Ada</b>');
  const bob = await enter(room('html'), 'Bob');
  await bob.sees('Bob', '<b>Ada</b>');
  const text = '<img src=x onerror="document.title=1"> <script>document.title=2</script> javascript:alert(1) https://example.org/a_(b)?c=d.';
  await ada.say(text);
  const message = await bob.hears(text);
  assert.equal(await message.locator('img, script, b').count(), 0);
  const links = message.getByRole('link');
  assert.equal(await links.count(), 1);
  assert.equal(await links.getAttribute('href'), 'https://example.org/a_(b)?c=d');
  assert.match(await links.getAttribute('rel'), /noopener/);
});

test('messages of an unknown shape are ignored, and a program may write plain ones', async () => {
  const ada = await enter(room('strange'), 'Ada');
  const program = await join(`${server.url}/cometd`);
  const from = 'f'.repeat(24);
  const strange = [
    ...[null, 7, 'text', [], [[]], {}, { kind: 'text' }, { kind: {} }, { kind: '__proto__' }, { text: {} }, { text: ' ' }],
    ...['join', 'recall', 'text'].map((kind) => ({ kind, from: 1, name: 2, id: 3, text: 4 })),
    { kind: 'text', from, name: 'Eve', id: 'e'.repeat(24), text: 'x'.repeat(100_000) },
    { kind: 'text', from, name: '\u202e \u200b', id: 'e'.repeat(24), text: 'no name' },
  ];
  for (const data of strange) await program.ok(program.publish('/chat/strange', data));
  await program.ok(program.publish('/chat/strange', { text: 'hello from a program' }));
  await program.ok(program.publish('/chat/strange', { name: 'cron', text: 'it is twelve' }));
  await ada.hears('it is twelve');
  assert.deepEqual(await ada.texts(), ['hello from a program', 'it is twelve']);
  assert.deepEqual(await ada.log.locator('.author').allTextContents(), ['Somebody', 'cron']);
});

test('long names, long words, right-to-left text and emoji stay within a phone', async () => {
  const long = 'Wolfeschlegelsteinhausenbergerdorff'.repeat(2);
  const ada = await enter(room('wide-'.repeat(8)), 'عمر بن عبد العزيز', { viewport: PHONE });
  const bob = await enter(room('wide-'.repeat(8)), long);
  await bob.say('مرحبا بالجميع! https://example.org/ 👩‍👩‍👧‍👦 100 %');
  await bob.say('Donaudampfschifffahrtsgesellschaft'.repeat(12));
  await bob.say(`https://example.org/${'path/'.repeat(60)}`);
  await ada.say('שלום '.repeat(60));
  await ada.hears('Donaudampfschifffahrtsgesellschaft'.repeat(12));
  await bob.hears('שלום '.repeat(60).trim());
  await ada.page.getByRole('button', { name: /People and rooms: 2 here/ }).click();
  await ada.page.getByRole('heading', { name: 'Here now' }).waitFor();
  for (const { page } of [ada, bob]) {
    const wide = await page.evaluate(() => [
      document.documentElement.scrollWidth - innerWidth,
      ...[...document.querySelectorAll('#log, #side')].map((part) => part.scrollWidth - part.clientWidth),
    ]);
    assert.ok(wide.every((pixels) => pixels <= 0), `wider than the screen by ${wide}`);
  }
  const rightToLeft = await bob.hears('שלום '.repeat(60).trim());
  assert.equal(await rightToLeft.locator('.text').evaluate((text) => getComputedStyle(text).direction), 'rtl');
});

test('a person who closes the page has left', async () => {
  const ada = await enter(room('leave'), 'Ada');
  const bob = await enter(room('leave'), 'Bob');
  await ada.sees('Ada', 'Bob');
  await bob.leave();
  await ada.notes('Bob left');
  await ada.sees('Ada');
});

test('a reload keeps the person and the messages, and the others do not notice it', async () => {
  const ada = await enter(room('reload'), 'Ada');
  const bob = await enter(room('reload'), 'Bob');
  await bob.say('before');
  await ada.hears('before');
  await ada.say('yes?');
  await bob.hears('yes?');
  await bob.page.reload();
  await bob.hears('before');
  await bob.hears('yes?');
  assert.deepEqual(await bob.texts(), ['before', 'yes?']);
  await bob.say('after');
  await ada.hears('after');
  await ada.sees('Ada', 'Bob');
  assert.deepEqual(await ada.log.locator('.note').allTextContents(), ['Bob joined']);
});

test('unread messages are counted in the title', async () => {
  const ada = await enter(room('title'), 'Ada');
  const bob = await enter(room('title'), 'Bob');
  await setHidden(ada.page, true);
  await bob.say('one');
  await bob.say('two');
  await ada.hears('two');
  assert.equal(await ada.page.title(), '(2) title · bayeux-edge');
  await setHidden(ada.page, false);
  await ada.page.waitForFunction(() => document.title === 'title · bayeux-edge');
});

test('the log follows only a reader who is at its end, and is never too long', async () => {
  const ada = await enter(room('flood'), 'Ada');
  const program = await join(`${server.url}/cometd`);
  const flood = async (from, to) => {
    const messages = Array.from({ length: to - from }, (_, at) => ({ channel: '/chat/flood', data: { text: `line ${from + at}` } }));
    await program.ok(program.send(...messages));
  };
  await flood(0, 250);
  await flood(250, 500);
  await flood(500, 600);
  await ada.hears('line 599');
  assert.equal(await ada.log.getByRole('listitem').count(), 50);
  const newer = ada.page.getByRole('button', { name: 'New messages' });
  assert.ok(await newer.isHidden());
  await ada.log.evaluate((log) => {
    const scrolled = new Promise((resolve) => log.addEventListener('scroll', resolve, { once: true }));
    log.scrollTo(0, 0);
    return scrolled;
  });
  await ada.hears('line 500'); // older ones come on scrolling up
  await flood(600, 601);
  await newer.click();
  assert.ok(await ada.log.evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight < 2));
  assert.ok(await newer.isHidden());
});

test('everything works by keyboard', async () => {
  const page = await chromium.visit(room('keyboard'));
  await page.keyboard.type('Ada');
  await page.keyboard.press('Enter');
  const ada = new Chatter(page);
  await ada.status('Connected');
  await page.keyboard.type('first line');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('second line');
  await page.keyboard.press('Enter');
  await ada.hears('first line\nsecond line');
  await page.reload();
  await page.keyboard.press('Tab');
  for (const name of ['Send', 'Change your name', 'keyboard', 'Go to a room']) {
    const focused = page.locator(':focus');
    for (let tabs = 0; (await named(focused)) !== name; tabs += 1) {
      assert.ok(tabs < 10, `${name} is not reached by the Tab key`);
      await page.keyboard.press('Tab');
    }
    assert.notEqual(await focused.evaluate((element) => getComputedStyle(element).outlineStyle), 'none');
  }
});

for (const colorScheme of ['light', 'dark'])
  test(`texts stand out from a ${colorScheme} page`, async () => {
    const ada = await enter(room(`contrast-${colorScheme}`), 'Ada', { colorScheme });
    const bob = await enter(room(`contrast-${colorScheme}`), 'Bob');
    await ada.notes('Bob joined');
    await ada.say('mine');
    await bob.say('see https://example.org/');
    await ada.hears('see https://example.org/');
    const faint = await ada.page.evaluate(faintTexts);
    assert.deepEqual(faint, []);
  });

/** Tells a page that another tab is before it, or is not any more: a headless browser shows every page at once. */
function setHidden(page, hidden) {
  return page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
}

/** What a screen reader would call a field, button or link. */
const named = (locator) =>
  locator.evaluate((element) => element.labels?.[0]?.textContent ?? element.getAttribute('aria-label') ?? element.textContent);

/** In the page: texts with less contrast to what is behind them than WCAG's AA asks for, 4.5 to 1. */
function faintTexts() {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d');
  const rgb = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = (color) => {
    const [red, green, blue] = [...rgb(color)].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element) => {
    const { backgroundColor } = getComputedStyle(element);
    return rgb(backgroundColor)[3] === 255 || !element.parentElement ? backgroundColor : behind(element.parentElement);
  };
  const faint = [];
  for (const element of document.querySelectorAll('body *')) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!hasText || !element.checkVisibility() || element.closest('.skip, noscript')) continue;
    const [light, dark] = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) faint.push(`${element.tagName} "${element.textContent.trim()}": ${contrast.toFixed(2)}`);
  }
  return faint;
}
