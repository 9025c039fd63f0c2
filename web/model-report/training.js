/** The report of a training: loss by pass, errors on ordinary data, and what the model knows of its channels. */
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const HEIGHT = 240;
  const BINS = 60;
  const colour = (name) => window.getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const number = (value) => String(Number(value.toPrecision(4)));
  const axis = (label) => ({
    label,
    stroke: colour('muted'),
    grid: { stroke: colour('line') },
    ticks: { stroke: colour('line') },
  });
  const width = () => Math.min(900, document.body.clientWidth - 32);

  document.title = `Redshank training: ${data.profile}`;
  document.getElementById('title').textContent = `Model ${data.version.slice(0, 12)} of ${data.profile}`;
  const { training } = data;
  /** One that was trained elsewhere has learned nothing here. */
  const hasLearned = training.epochs > 0;
  document.getElementById('summary').textContent =
    `${data.architecture}, ${data.steps} rows a window, ${data.weights.toLocaleString('en-US')} weights. ` +
    `${training.windows.toLocaleString('en-US')} windows of ${training.devices.toLocaleString('en-US')} ` +
    `device${training.devices === 1 ? '' : 's'}, ` +
    (hasLearned
      ? `${training.epochs} passes on ${training.backend}.`
      : 'on which its errors were measured; nothing was learned.');

  function drawLoss() {
    const epochs = training.loss.map((_, i) => i + 1);
    const best = training.validationLoss.indexOf(Math.min(...training.validationLoss));
    new uPlot(
      {
        width: width(),
        height: HEIGHT,
        legend: { show: false },
        scales: { x: { time: false }, y: { distr: 3 } },
        axes: [axis('pass'), axis('')],
        series: [
          {},
          { label: 'training', stroke: colour('training'), width: 2 },
          { label: 'validation', stroke: colour('validation'), width: 2 },
          {
            label: 'kept',
            stroke: colour('best'),
            points: { show: true, size: 9, fill: colour('best') },
            paths: () => null,
          },
        ],
      },
      [
        epochs,
        training.loss,
        training.validationLoss,
        epochs.map((_, i) => (i === best ? training.validationLoss[i] : null)),
      ],
      document.getElementById('loss'),
    );
  }

  function drawErrors() {
    const { errors, level } = data;
    const last = Math.max(level * 1.5, errors[Math.floor(errors.length * 0.999)] ?? level);
    const counts = new Array(BINS).fill(0);
    for (const error of errors) counts[Math.min(BINS - 1, Math.floor((error / last) * BINS))]++;
    const markLevel = (chart) => {
      const { ctx, bbox } = chart;
      const x = chart.valToPos(level, 'x', true);
      ctx.save();
      ctx.strokeStyle = colour('validation');
      ctx.lineWidth = 2;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.restore();
    };
    new uPlot(
      {
        width: width(),
        height: HEIGHT,
        legend: { show: false },
        scales: { x: { time: false, range: [0, last] } },
        axes: [axis('error'), axis('windows')],
        series: [
          {},
          {
            label: 'windows',
            stroke: colour('training'),
            fill: colour('training'),
            paths: uPlot.paths.bars({ size: [0.9, 40] }),
          },
        ],
        hooks: { draw: [markLevel] },
      },
      [counts.map((_, i) => ((i + 0.5) * last) / BINS), counts],
      document.getElementById('errors'),
    );
  }

  function listChannels() {
    const body = document.querySelector('#channels tbody');
    data.channels.forEach((channel, c) => {
      const row = body.insertRow();
      for (const text of [channel, number(data.mean[c]), number(data.spread[c]), number(data.errorSpread[c])]) {
        row.insertCell().textContent = text;
      }
    });
  }

  document.getElementById('learning').hidden = !hasLearned;
  if (hasLearned) drawLoss();
  drawErrors();
  listChannels();
})();
