// The bare object.
import { inRoot } from '../../scripts/lib/project.mjs';
import { startWorkerd } from './workerd.mjs';

export const title = 'bare object';
export const adapters = { lp: 'rawlp', ws: 'rawhib' };

export const startServer = () => startWorkerd(inRoot('bench', 'servers', 'bare', 'config.capnp'), title);
