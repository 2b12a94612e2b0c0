// What callback-polling is measured by.
import { besideLongPolling } from './beside-long-polling.mjs';

export const transport = 'cb';
export const measures = besideLongPolling('polls');
