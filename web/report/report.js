/** The report of a backtest: tables of what is in the page's data, and a picture of each series, drawn when it comes into view. */
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const isLabelled = data.datasets.some((dataset) => dataset.isLabelled);
  const CHANNEL_HEIGHT = 150;
  const SCORE_HEIGHT = 130;
  const AXIS_FONT = '11px system-ui, sans-serif';
  /** Year first, 24 hours: the same for readers everywhere. Columns as uPlot has them: step, text, text where the year, … changes. */
  const DATE = '\n{YYYY}-{MM}-{DD}';
  const TIME_LABELS = [
    [31536000, '{YYYY}', null, null, null, null, null, null, 1],
    [2419200, '{YYYY}-{MM}', null, null, null, null, null, null, 1],
    [86400, '{MM}-{DD}', '\n{YYYY}', null, null, null, null, null, 1],
    [60, '{HH}:{mm}', DATE, null, DATE, null, null, null, 1],
    [1, '{HH}:{mm}:{ss}', DATE, null, DATE, null, null, null, 1],
    [0.001, '{ss}.{fff}', DATE, null, DATE, null, null, null, 1],
  ];
  /** Height of the bars that mark alerts and labels, in px. */
  const BAR = 5;
  const MEANINGS = {
    'NAB standard':
      'early detection, one threshold for all series, 100 is perfect, 0 is silence (low-FP, low-FN: false alarms or misses count twice)',
    'VUS-PR':
      'how well scores tell anomalies from the rest, at any threshold: 1 is perfect, chance is the share of anomalies',
    'recall@5':
      'share of the anomalies that are found at the threshold with 5 false alarms in 10,000 normal rows (1, 10: likewise)',
    F1: 'by rows of the alert column; FAR: normal rows with an alert; MAR: anomalous rows without',
    'FDR@1%': 'share of faulty rows over the threshold that 1 % of normal rows pass',
    'alert recall': 'share of the anomalies in which an alert was open, at the profile’s own threshold',
    'FA/10k':
      'false alarms in 10,000 normal rows, at the profile’s own threshold; an alert that stays on counts again every 100 rows',
  };

  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };
  const count = (value) => value.toLocaleString('en-US');
  const number = (value) => (value === null ? '–' : String(Number(value.toPrecision(4))));
  const idOf = (series) => `series-${data.series.indexOf(series)}`;
  const titleOf = (series) => `${series.dataset}/${series.name}`;

  function showSummary() {
    const rows = data.series.reduce((sum, series) => sum + series.rows, 0);
    const alerts = data.series.reduce((sum, series) => sum + series.alerts.length, 0);
    document.getElementById('summary').textContent =
      `Profile ${data.profile}: ${count(data.series.length)} series, ${count(rows)} rows, ${count(alerts)} alerts. ` +
      'Each row was scored as it would have been live, without looking ahead.';
    document.getElementById('order').textContent = isLabelled
      ? 'First those with the most anomalies missed and false alarms, then those with the most alerts.'
      : 'First those with the most alerts, then those with the highest score. Nothing is labelled: whether an alert is right is yours to say.';
    document.querySelector('.labelled').hidden = !isLabelled;
  }

  function showDataSets() {
    const labels = [...new Set(data.datasets.flatMap(({ figures }) => figures.map(({ label }) => label)))];
    const heads = ['data set', 'series', 'rows', 'alerts', ...labels];
    const rows = data.datasets.map((dataset) => {
      const figures = labels.map((label) => {
        const figure = dataset.figures.find((one) => one.label === label);
        return figure === undefined ? '–' : figure.value.toFixed(figure.digits);
      });
      const cells = [dataset.name, count(dataset.series), count(dataset.rows), count(dataset.alerts), ...figures];
      return element('tr', {}, ...cells.map((text) => element('td', { textContent: text })));
    });
    document
      .getElementById('datasets')
      .append(
        element(
          'thead',
          {},
          element('tr', {}, ...heads.map((text) => element('th', { textContent: text, scope: 'col' }))),
        ),
        element('tbody', {}, ...rows),
      );
    for (const [label, words] of Object.entries(MEANINGS)) {
      if (!labels.includes(label)) continue;
      document
        .getElementById('meanings')
        .append(element('dt', { textContent: label }), element('dd', { textContent: words }));
    }
  }

  /** Heads, what to sort by, what to show, and whether it is a fault. */
  const COLUMNS = [
    ['series', titleOf],
    ['rows', (series) => series.rows, count],
    ['alerts', (series) => series.alerts.length, count],
    ...(isLabelled
      ? [
          ['anomalies', (series) => series.figures?.windows, count],
          ['missed', (series) => series.figures && series.figures.windows - series.figures.found, count, true],
          ['false alarms', (series) => series.figures?.falseAlarms, count, true],
          ['VUS-PR', (series) => series.figures?.vusPr, (value) => value.toFixed(3)],
        ]
      : []),
    ['highest score ÷ threshold', (series) => series.peak, (value) => value.toFixed(2)],
  ];

  function showOverview() {
    const rows = data.series.map((series) => {
      const cells = COLUMNS.map(([, valueOf, words = String, isFault = false], c) => {
        const value = valueOf(series);
        if (c === 0) return element('td', {}, element('a', { href: `#${idOf(series)}`, textContent: value }));
        const isMissing = value === undefined;
        return element('td', {
          textContent: isMissing ? '–' : words(value),
          className: isFault && value > 0 ? 'bad' : '',
        });
      });
      return { series, row: element('tr', {}, ...cells) };
    });
    const body = element('tbody', {}, ...rows.map(({ row }) => row));
    const heads = COLUMNS.map(([title, valueOf]) => {
      const head = element('th', { scope: 'col' }, element('button', { textContent: title, type: 'button' }));
      head.firstChild.addEventListener('click', () => {
        const isDescending = head.getAttribute('aria-sort') !== 'descending';
        for (const other of heads) other.removeAttribute('aria-sort');
        head.setAttribute('aria-sort', isDescending ? 'descending' : 'ascending');
        const order = (a, b) => {
          const [left, right] = [valueOf(a.series) ?? -1, valueOf(b.series) ?? -1];
          return (left < right ? -1 : left > right ? 1 : 0) * (isDescending ? -1 : 1);
        };
        body.append(...[...rows].sort(order).map(({ row }) => row));
      });
      return head;
    });
    document.getElementById('overview').append(element('thead', {}, element('tr', {}, ...heads)), body);
    document.getElementById('filter').addEventListener('input', (event) => {
      const text = event.target.value.trim().toLowerCase();
      for (const { series, row } of rows) {
        const isShown = titleOf(series).toLowerCase().includes(text);
        row.hidden = !isShown;
        document.getElementById(idOf(series)).hidden = !isShown;
      }
    });
  }

  function seriesWords(series) {
    const { figures, alerts, channels, channelCount } = series;
    const words = [`${count(series.rows)} rows`, `${count(alerts.length)} alerts`];
    if (figures !== undefined && figures.windows > 0)
      words.push(`${figures.found} of ${figures.windows} anomalies found`);
    if (figures !== undefined) words.push(`${figures.falseAlarms} false alarms`);
    if (figures?.vusPr !== undefined) words.push(`VUS-PR ${figures.vusPr.toFixed(3)}`);
    if (channelCount > channels.length) words.push(`the ${channels.length} strangest of ${channelCount} channels`);
    return words.join(' · ');
  }

  function showPictures() {
    const drawn = new Map();
    const watcher = new window.IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) {
          if (!isIntersecting) continue;
          watcher.unobserve(target);
          const series = data.series[Number(target.dataset.index)];
          drawn.set(target, draw(series, target.querySelector('.plots')));
        }
      },
      { rootMargin: '600px' },
    );
    data.series.forEach((series, index) => {
      const article = element(
        'article',
        { className: 'series', id: idOf(series) },
        element('h3', { textContent: titleOf(series) }),
        element('p', { textContent: seriesWords(series) }),
        element('div', { className: 'plots' }),
      );
      article.dataset.index = index;
      document.getElementById('pictures').append(article);
      watcher.observe(article);
    });
    const redraw = () => {
      for (const [article, plots] of drawn) {
        for (const plot of plots) plot.destroy();
        const host = article.querySelector('.plots');
        host.replaceChildren();
        drawn.set(article, draw(data.series[Number(article.dataset.index)], host));
      }
    };
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
    let width = window.innerWidth;
    window.addEventListener('resize', () => {
      if (window.innerWidth === width) return;
      width = window.innerWidth;
      requestAnimationFrame(redraw);
    });
  }

  function bytes(text) {
    return Uint8Array.from(window.atob(text), (letter) => letter.charCodeAt(0)).buffer;
  }

  /** A column as the chart wants it: null where there is no number, and at both ends, which all charts of a series share. */
  function padded(text) {
    return [
      null,
      ...Array.from(new Float32Array(bytes(text)), (value) => (Number.isFinite(value) ? value : null)),
      null,
    ];
  }

  const times = (line) => Array.from(new Float64Array(bytes(line.t)));
  const between = ([from, to], inner) => [from, ...inner, to];
  const timeWords = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');

  function draw(series, host) {
    if (series.score.t === '') {
      host.append(element('p', { className: 'hint', textContent: 'No row of this series was scored.' }));
      return [];
    }
    const style = window.getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const every = [series.score, ...series.channels.map(({ line }) => line)].map(times);
    const ends = [Math.min(...every.map((one) => one[0])), Math.max(...every.map((one) => one.at(-1)))];
    const plots = series.channels.map(({ name, line }) => {
      const [expected, lower, upper] = line.c.map(padded);
      const values = padded(line.v);
      const words = (i) => {
        const measured = values[i] === null ? 'not measured' : number(values[i]);
        return expected[i] === null
          ? measured
          : `${measured}, expected ${number(expected[i])} (${number(lower[i])} to ${number(upper[i])})`;
      };
      return plot(series, host, {
        title: name,
        height: CHANNEL_HEIGHT,
        hasTimes: false,
        words,
        colour,
        scale: { range: () => rangeOf(values) },
        lines: [
          { stroke: 'transparent', width: 0 },
          { stroke: 'transparent', width: 0 },
          { stroke: colour('expected'), width: 1, dash: [5, 4] },
          { stroke: colour('actual'), width: 1.4, spanGaps: false },
        ],
        bands: [{ series: [1, 2], fill: colour('band') }],
        data: [between(ends, times(line)), upper, lower, expected, values],
      });
    });
    const [at, scores, thresholds] = [
      between(ends, times(series.score)),
      padded(series.score.v),
      padded(series.score.c[0]),
    ];
    plots.push(
      plot(series, host, {
        title: 'score',
        height: SCORE_HEIGHT,
        hasTimes: true,
        words: (i) => `${number(scores[i])}, threshold ${number(thresholds[i])}, ${timeWords(at[i])}`,
        colour,
        scale: { range: () => [0, 1] },
        lines: [
          { stroke: colour('score'), width: 1.4 },
          { stroke: colour('anomaly'), width: 1, dash: [5, 4] },
        ],
        data: [at, scores, thresholds],
      }),
    );
    return plots;
  }

  /** By the values alone: a band that is still wide would make them flat. */
  function rangeOf(values) {
    const known = values.filter((value) => value !== null);
    if (known.length === 0) return [0, 1];
    const low = known.reduce((a, b) => Math.min(a, b));
    const high = known.reduce((a, b) => Math.max(a, b));
    const room = high > low ? 0.18 * (high - low) : Math.max(1, 0.1 * Math.abs(high));
    return [low - room, high + room];
  }

  function plot(series, host, options) {
    const { title, height, hasTimes, words, colour, scale, lines, bands = [], data: columns } = options;
    const value = element('span');
    const figure = element('figure', { ariaLabel: title }, element('figcaption', {}, title, value));
    host.append(figure);
    const axis = { stroke: colour('muted'), grid: { stroke: colour('grid'), width: 1 }, ticks: { show: false } };
    const tell = ({ cursor }) => {
      value.textContent = typeof cursor.idx === 'number' ? words(cursor.idx) : '';
    };
    return new uPlot(
      {
        width: Math.max(240, figure.clientWidth),
        height,
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
        legend: { show: false },
        cursor: { sync: { key: idOf(series) }, points: { size: 6 }, y: false, drag: { x: true, y: false } },
        padding: [8, 12, 0, 0],
        scales: { y: scale },
        axes: [
          // The time stands under the score, which is the lowest.
          hasTimes
            ? { ...axis, size: 44, font: AXIS_FONT, values: TIME_LABELS }
            : { ...axis, size: 6, values: () => [] },
          { ...axis, size: 62, font: AXIS_FONT },
        ],
        series: [{}, ...lines.map((line) => ({ points: { show: false }, spanGaps: true, ...line }))],
        bands,
        hooks: {
          setCursor: [tell],
          drawClear: [(chart) => mark(chart, series, colour)],
        },
      },
      columns,
      figure,
    );
  }

  /** Labels: a bar above; alerts: a bar below; both with a tint, at least two pixels wide. */
  function mark(chart, series, colour) {
    const { ctx, bbox } = chart;
    const bar = BAR * window.devicePixelRatio;
    const fill = ([from, to], shade, solid, top) => {
      const left = Math.max(bbox.left, chart.valToPos(from, 'x', true) - 1);
      const right = Math.min(bbox.left + bbox.width, chart.valToPos(to, 'x', true) + 1);
      if (right <= left) return;
      ctx.fillStyle = shade;
      ctx.fillRect(left, bbox.top, right - left, bbox.height);
      ctx.fillStyle = solid;
      ctx.fillRect(left, top, right - left, bar);
    };
    ctx.save();
    for (const span of series.labels) fill(span, colour('label-shade'), colour('label'), bbox.top);
    for (const span of series.alerts) fill(span, colour('shade'), colour('anomaly'), bbox.top + bbox.height - bar);
    ctx.restore();
  }

  showSummary();
  showDataSets();
  showPictures();
  showOverview();
})();
