/** The list of devices: strangest first, usable with the keyboard. Rows are kept, so that the focus stays where it is. */

/** Higher is stranger: open alerts, then how far the score is above its threshold; silent ones above calm ones. */
export function strangeness(device) {
  if (device.openAlerts.length > 0) return 10 + relativeScore(device);
  if (device.isSilent) return 5;
  return device.phase === 'warming' ? device.progress - 2 : relativeScore(device);
}

function relativeScore(device) {
  return typeof device.lastScore === 'number' && device.threshold > 0 ? device.lastScore / device.threshold : 0;
}

export class DeviceList {
  #list;
  #empty;
  #onChoose;
  #rows = new Map();

  /** @param onChoose told the id of a device that the user picked. */
  constructor(list, empty, onChoose) {
    this.#list = list;
    this.#empty = empty;
    this.#onChoose = onChoose;
    list.addEventListener('keydown', (event) => this.#moveFocus(event));
  }

  show(devices, chosen) {
    this.#empty.hidden = devices.length > 0;
    const ordered = [...devices].sort((a, b) => strangeness(b) - strangeness(a) || (a.device < b.device ? -1 : 1));
    const present = new Set(ordered.map((device) => device.device));
    for (const [id, row] of this.#rows) {
      if (!present.has(id)) {
        row.item.remove();
        this.#rows.delete(id);
      }
    }
    ordered.forEach((device, position) => {
      const row = this.#row(device.device);
      fill(row, device, device.device === chosen);
      // Moving a row that has the focus would take the focus away; equal positions are left alone.
      if (this.#list.children[position] !== row.item)
        this.#list.insertBefore(row.item, this.#list.children[position] ?? null);
    });
  }

  #row(id) {
    let row = this.#rows.get(id);
    if (row === undefined) {
      row = createRow(id);
      row.button.addEventListener('click', () => this.#onChoose(id));
      this.#rows.set(id, row);
    }
    return row;
  }

  #moveFocus(event) {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step === 0) return;
    const buttons = [...this.#list.querySelectorAll('button')];
    const next = buttons[buttons.indexOf(document.activeElement) + step];
    if (next !== undefined) {
      next.focus();
      event.preventDefault();
    }
  }
}

function createRow(id) {
  const item = document.createElement('li');
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'device';
  const name = part('span', 'device-name', id);
  const badge = part('span', 'badge');
  const detail = part('span', 'device-detail');
  const meter = part('span', 'meter');
  const bar = part('span', 'meter-bar');
  const mark = part('span', 'meter-mark');
  meter.append(bar, mark);
  button.append(name, badge, detail, meter);
  item.append(button);
  return { item, button, badge, detail, meter, bar, mark };
}

function fill({ button, badge, detail, meter, bar, mark }, device, isChosen) {
  const state = stateOf(device);
  button.dataset.state = state;
  button.setAttribute('aria-current', String(isChosen));
  badge.textContent = badgeText(device, state);
  badge.dataset.state = state;
  const isWarming = device.phase === 'warming';
  const share = isWarming ? device.progress : Math.min(1, device.lastScore ?? 0);
  meter.dataset.kind = isWarming ? 'progress' : 'score';
  bar.style.width = `${Math.round(share * 100)}%`;
  mark.hidden = isWarming || typeof device.threshold !== 'number';
  if (!mark.hidden) mark.style.left = `${Math.min(100, device.threshold * 100)}%`;
  detail.textContent = isWarming
    ? `learning, ${Math.round(device.progress * 100)} %`
    : `score ${(device.lastScore ?? 0).toFixed(2)} · ${device.channels.length} channel${device.channels.length === 1 ? '' : 's'}`;
}

/** `alert`, `strange`, `silent`, `warming` or `calm`; the style sheet knows their colours. */
export function stateOf(device) {
  if (device.openAlerts.length > 0) return 'alert';
  if (device.isSilent) return 'silent';
  if (device.phase === 'warming') return 'warming';
  return device.isAnomaly ? 'strange' : 'calm';
}

export function badgeText(device, state) {
  if (state === 'alert') return device.openAlerts.length === 1 ? 'alert' : `${device.openAlerts.length} alerts`;
  return state === 'warming' ? 'learning' : state;
}

function part(element, className, text = '') {
  const node = document.createElement(element);
  node.className = className;
  node.textContent = text;
  return node;
}
