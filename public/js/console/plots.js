// Two plots of the last minutes. The data stays here, to draw it again with other colours or another width.
import uPlot from '/vendor/uplot.js';

/** Points of a plot: five minutes, with a point every two seconds. */
const MOST = 150;

const HEIGHT = 200; // px

export class Plot {
  #place;
  #names;
  #data;
  #plot;

  /** `names`: the names of the lines. */
  constructor(place, names) {
    this.#place = place;
    this.#names = names;
    this.clear();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#draw());
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(place);
  }

  /** Adds a point: its time in ms, and a value for each line. */
  add(time, values) {
    for (const [column, value] of [time / 1000, ...values].entries()) {
      this.#data[column].push(value);
      if (this.#data[column].length > MOST) this.#data[column].shift();
    }
    if (this.#plot) this.#plot.setData(this.#data);
    else this.#draw();
  }

  clear() {
    this.#data = [[], ...this.#names.map(() => [])];
    this.#plot?.setData(this.#data);
  }

  #size = () => ({ width: Math.max(200, this.#place.clientWidth), height: HEIGHT });

  #draw() {
    this.#plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(`--${name}`).trim();
    const axis = { stroke: color('muted'), grid: { stroke: color('line') }, ticks: { stroke: color('line') } };
    const strokes = [color('accent'), color('good')];
    const lines = this.#names.map((label, at) => ({ label, stroke: strokes[at], width: 2, dash: at ? [6, 3] : [] }));
    const scales = { y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } };
    this.#plot = new uPlot({ ...this.#size(), legend: { show: true }, scales, axes: [axis, axis], series: [{}, ...lines] }, this.#data, this.#place);
  }
}
