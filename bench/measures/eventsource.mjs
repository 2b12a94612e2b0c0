// What eventsource is measured by.
import { besideLongPolling } from './beside-long-polling.mjs';

export const transport = 'es';
export const measures = besideLongPolling('streams');
