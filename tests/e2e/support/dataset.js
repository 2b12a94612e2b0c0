// A Worker in the place of a dataset of Analytics Engine: it keeps what is written, and shows it to whoever asks.
import { WorkerEntrypoint } from 'cloudflare:workers';

const points = [];

export default class extends WorkerEntrypoint {
  writeDataPoint(point) {
    points.push(point);
  }

  fetch() {
    return Response.json(points);
  }
}
