// One connection for everything on the page, with a list of all its messages.
import { Connection } from '../connection.js';
import { Frames } from '../frames.js';
import * as status from '../status.js';
import * as channel from './channel.js';
import * as clock from './clock.js';
import * as services from './services.js';

const place = (id) => document.getElementById(id);

const connection = new Connection({
  channels: channel.listeners,
  services: services.listeners,
  // The frames are last, because they show what the other extensions add.
  extensions: new Map([...clock.extensions, ['frames', new Frames(place('frames'))]]),
  onState: status.show,
});

channel.start(connection);
services.start(connection);
clock.start();
connection.start();

place('without-connects').addEventListener('change', ({ target }) => place('wire').toggleAttribute('data-without-connects', target.checked));
