/** Two versions of a model side by side, device by device. */
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const HEIGHT = 110;
  const BAR = 5;
  const KINDS = ['champion', 'challenger'];
  const colour = (name) => window.getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const width = () => Math.min(900, document.body.clientWidth - 32);
  const axis = () => ({ stroke: colour('muted'), grid: { stroke: colour('line') }, ticks: { stroke: colour('line') } });

  document.getElementById('title').textContent =
    `${data.model}: ${data.champion} (in force) and ${data.challenger} (challenger)`;

  function words({ rows, rankAgreement, alerts, confirmed, rejected }) {
    const parts = [
      `${rows.toLocaleString('en-US')} rows`,
      `alerts ${alerts.champion} and ${alerts.challenger}, ${alerts.both} in common`,
      `order of scores alike to ${rankAgreement === null ? '–' : rankAgreement.toFixed(2)}`,
    ];
    if (confirmed.spans > 0)
      parts.push(`of ${confirmed.spans} confirmed alerts ${confirmed.champion} and ${confirmed.challenger}`);
    if (rejected.spans > 0)
      parts.push(`of ${rejected.spans} rejected ones ${rejected.champion} and ${rejected.challenger}`);
    return `${parts.join('; ')}.`;
  }

  function draw(section, version, kind, sync) {
    const heading = document.createElement('h3');
    heading.textContent = `${kind} ${data[kind]}`;
    const box = document.createElement('div');
    section.append(heading, box);
    const markAlerts = (chart) => {
      const { ctx, bbox } = chart;
      ctx.save();
      ctx.fillStyle = colour('anomaly');
      for (const [from, to] of version.episodes) {
        const x = Math.max(bbox.left, chart.valToPos(from, 'x', true));
        const end = Math.min(bbox.left + bbox.width, chart.valToPos(to, 'x', true));
        if (end < bbox.left || x > bbox.left + bbox.width) continue;
        ctx.fillRect(x, bbox.top + bbox.height - BAR, Math.max(2, end - x), BAR);
      }
      ctx.restore();
    };
    new uPlot(
      {
        width: width(),
        height: HEIGHT,
        legend: { show: false },
        cursor: { sync: { key: sync } },
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), 'Etc/UTC'),
        scales: { y: { range: [0, 1] } },
        axes: [{ ...axis(), values: '{HH}:{mm}\n{YYYY}-{MM}-{DD}', space: 90, size: 46 }, axis()],
        series: [
          {},
          { label: 'score', stroke: colour(kind), width: 1.5, points: { show: false } },
          { label: 'threshold', stroke: colour('muted'), width: 1, points: { show: false } },
        ],
        hooks: { draw: [markAlerts] },
      },
      [version.t, version.score, version.threshold],
      box,
    );
  }

  for (const { device, comparison, versions } of data.devices) {
    const section = document.createElement('section');
    const heading = document.createElement('h2');
    heading.textContent = device;
    const summary = document.createElement('p');
    summary.textContent = words(comparison);
    section.append(heading, summary);
    document.getElementById('devices').append(section);
    versions.forEach((version, i) => draw(section, version, KINDS[i], device));
  }
})();
