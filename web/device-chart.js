/** The charts of one device: each channel with what was expected, and the score with its threshold. */
import UPlot from '/vendor/uplot.js';

/** Rows kept on the screen. */
export const MOST_ROWS = 600;
const MOST_CHANNELS = 6;
const CHANNEL_HEIGHT = 130;
const SCORE_HEIGHT = 140;
/** Share of the strangeness from which a channel is marked. */
const MARKED_CONTRIBUTION = 0.2;
const AXIS_FONT = '11px system-ui, sans-serif';

export class DeviceChart {
  #host;
  #rows = [];
  #channels = [];
  #plots = [];
  #isDue = false;

  constructor(host) {
    this.#host = host;
    new ResizeObserver(() => this.#resize()).observe(host);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#build());
  }

  /** Shows these rows, oldest first, in place of what was shown. */
  show(rows) {
    this.#rows = rows.filter(isScored).slice(-MOST_ROWS);
    this.#build();
  }

  get isEmpty() {
    return this.#rows.length === 0;
  }

  /** Adds one live row. Draws at most once a frame. */
  add(row) {
    if (!isScored(row)) return;
    const isInOrder = this.#rows.length === 0 || this.#rows.at(-1).ts < row.ts;
    if (this.#rows.some((known) => known.ts === row.ts)) return;
    this.#rows.push(row);
    if (!isInOrder) this.#rows.sort((a, b) => (a.ts < b.ts ? -1 : 1));
    this.#rows.splice(0, this.#rows.length - MOST_ROWS);
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      if (channelsOf(this.#rows).join() === this.#channels.join()) this.#draw();
      else this.#build();
    });
  }

  #build() {
    for (const plot of this.#plots) plot.destroy();
    this.#host.replaceChildren();
    this.#plots = [];
    this.#channels = channelsOf(this.#rows);
    if (this.#rows.length === 0) return;
    const colours = readColours();
    for (const channel of this.#channels) this.#plots.push(this.#plot(channelOptions(channel, colours, this.#spans)));
    this.#plots.push(this.#plot(scoreOptions(colours, this.#spans)));
    this.#draw();
  }

  /** Times between which the device was strange, as the plots shade them. */
  #spans = () => {
    const spans = [];
    let open;
    for (const row of this.#rows) {
      const x = seconds(row);
      if (row.isAnomaly) {
        if (open === undefined) spans.push((open = [x, x]));
        else open[1] = x;
      } else {
        open = undefined;
      }
    }
    return spans;
  };

  #plot(options) {
    const figure = document.createElement('figure');
    figure.setAttribute('aria-label', options.title);
    const caption = document.createElement('figcaption');
    const value = document.createElement('span');
    caption.append(options.title, value);
    figure.append(caption);
    this.#host.append(figure);
    const width = Math.max(200, figure.clientWidth);
    // Under the pointer, else at the end: what the lines say there, in numbers.
    const tell = (plot) => {
      const row = this.#rows[plot.cursor.idx ?? this.#rows.length - 1];
      value.textContent = row === undefined ? '' : options.words(row);
    };
    const hooks = { ...options.hooks, setCursor: [tell], setData: [tell] };
    return new UPlot({ ...options, hooks, title: undefined, width }, undefined, figure);
  }

  #draw() {
    const x = this.#rows.map(seconds);
    this.#channels.forEach((channel, i) => {
      const views = this.#rows.map((row) => row.channels[channel]);
      this.#plots[i].setData([
        x,
        views.map((view) => view?.upper ?? null),
        views.map((view) => view?.lower ?? null),
        views.map((view) => view?.expected ?? null),
        views.map((view) => (view === undefined || view.imputed ? null : view.actual)),
        views.map((view, r) => (this.#rows[r].isAnomaly && isCause(view) ? view.actual : null)),
      ]);
    });
    this.#plots
      .at(-1)
      ?.setData([x, this.#rows.map((row) => row.score), this.#rows.map((row) => row.threshold ?? null)]);
  }

  #resize() {
    for (const plot of this.#plots) {
      const width = Math.max(200, plot.root.parentElement.clientWidth);
      if (width !== plot.width) plot.setSize({ width, height: plot.height });
    }
  }
}

function isScored(row) {
  return row.kind === undefined && row.score !== null && Object.keys(row.channels).length > 0;
}

function isCause(view) {
  return view !== undefined && view.contribution >= MARKED_CONTRIBUTION;
}

function seconds(row) {
  return Date.parse(row.ts) / 1000;
}

/** All channels in order of appearance, those that caused something first where there are too many. */
function channelsOf(rows) {
  const weights = new Map();
  for (const row of rows) {
    for (const [channel, view] of Object.entries(row.channels)) {
      weights.set(channel, (weights.get(channel) ?? 0) + (row.isAnomaly ? view.contribution : 0));
    }
  }
  const all = [...weights.keys()];
  if (all.length <= MOST_CHANNELS) return all;
  return all.sort((a, b) => weights.get(b) - weights.get(a)).slice(0, MOST_CHANNELS);
}

function readColours() {
  const style = window.getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    actual: of('actual'),
    expected: of('expected'),
    band: of('band'),
    anomaly: of('anomaly'),
    shade: of('shade'),
    score: of('score'),
    text: of('muted'),
    grid: of('grid'),
  };
}

function baseOptions(title, height, colours, spans, hasTimes) {
  const axis = { stroke: colours.text, grid: { stroke: colours.grid, width: 1 }, ticks: { show: false } };
  return {
    title,
    height,
    legend: { show: false },
    cursor: { sync: { key: 'redshank' }, points: { size: 6 }, drag: { x: false, y: false } },
    padding: [8, 12, 0, 0],
    axes: [
      // The time stands under the score, which is the lowest.
      hasTimes ? { ...axis, size: 44, font: AXIS_FONT } : { ...axis, size: 6, values: () => [] },
      { ...axis, size: 58, font: AXIS_FONT },
    ],
    hooks: { drawClear: [(plot) => shade(plot, spans(), colours.shade)] },
  };
}

/** A tinted column behind each strange stretch, at least two pixels wide. */
function shade(plot, spans, colour) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = colour;
  for (const [from, to] of spans) {
    const left = Math.max(bbox.left, plot.valToPos(from, 'x', true) - 2);
    const right = Math.min(bbox.left + bbox.width, plot.valToPos(to, 'x', true) + 2);
    if (right > left) ctx.fillRect(left, bbox.top, right - left, bbox.height);
  }
  ctx.restore();
}

function channelOptions(channel, colours, spans) {
  const line = { points: { show: false }, spanGaps: true };
  return {
    ...baseOptions(channel, CHANNEL_HEIGHT, colours, spans, false),
    words: (row) => channelWords(row.channels[channel]),
    series: [
      {},
      { ...line, stroke: 'transparent', width: 0 },
      { ...line, stroke: 'transparent', width: 0 },
      { ...line, stroke: colours.expected, width: 1.25, dash: [5, 4] },
      { points: { show: false }, spanGaps: false, stroke: colours.actual, width: 1.75 },
      { paths: () => null, stroke: colours.anomaly, points: { show: true, size: 5, width: 0, fill: colours.anomaly } },
    ],
    bands: [{ series: [1, 2], fill: colours.band }],
  };
}

function channelWords(view) {
  if (view === undefined) return '';
  const measured = view.imputed || view.actual === null ? 'not measured' : number(view.actual);
  if (view.expected === null) return measured;
  return `${measured}, expected ${number(view.expected)} (${number(view.lower)} to ${number(view.upper)})`;
}

function number(value) {
  return value === null ? '–' : String(Number(value.toPrecision(4)));
}

function scoreOptions(colours, spans) {
  return {
    ...baseOptions('score', SCORE_HEIGHT, colours, spans, true),
    words: (row) => `${row.score.toFixed(3)}, threshold ${row.threshold === null ? '–' : row.threshold.toFixed(3)}`,
    scales: { y: { range: [0, 1] } },
    series: [
      {},
      { stroke: colours.score, width: 1.75, points: { show: false }, spanGaps: true },
      { stroke: colours.anomaly, width: 1.25, dash: [5, 4], points: { show: false }, spanGaps: true },
    ],
  };
}
