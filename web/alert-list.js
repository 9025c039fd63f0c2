/** The list of alerts, with what a person can say about them. */

const MOST_SHOWN = 30;
const MOST_RESOLVED = 5;

export class AlertList {
  #list;
  #empty;
  #on;

  /** @param on `{choose(device), acknowledge(alert), notAnomaly(alert)}` */
  constructor(list, empty, on) {
    this.#list = list;
    this.#empty = empty;
    this.#on = on;
  }

  /** @param alerts newest first. */
  show(alerts) {
    const open = alerts.filter((alert) => alert.status !== 'resolved');
    const resolved = alerts.filter((alert) => alert.status === 'resolved').slice(0, MOST_RESOLVED);
    const shown = [...open, ...resolved].slice(0, MOST_SHOWN);
    this.#empty.hidden = shown.length > 0;
    // The list is built anew, so the focus is given back by the name of what had it.
    const focused = this.#list.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
    this.#list.replaceChildren(...shown.map((alert) => this.#card(alert)));
    if (focused === undefined) return;
    const again = [...this.#list.querySelectorAll('button')].find((button) => button.dataset.focus === focused);
    again?.focus();
  }

  #card(alert) {
    const item = document.createElement('li');
    item.className = 'alert';
    item.dataset.status = alert.status;
    item.dataset.severity = alert.severity;

    const head = document.createElement('div');
    head.className = 'alert-head';
    const device = button(alert.device, `choose ${alert.id}`, () => this.#on.choose(alert.device));
    device.className = 'link';
    device.setAttribute('aria-label', `Show ${alert.device}`);
    const time = document.createElement('time');
    time.dateTime = alert.started;
    time.title = alert.started;
    time.textContent = new Date(alert.started).toLocaleTimeString();
    head.append(device, text('span', 'badge', label(alert)), time);

    const reasons = document.createElement('ul');
    reasons.className = 'reasons';
    const words = alert.reasons.length > 0 ? alert.reasons : ['The score is above its threshold.'];
    reasons.append(...words.slice(0, 3).map((reason) => text('li', '', reason)));
    item.append(head, reasons);
    if (alert.status !== 'resolved') item.append(this.#actions(alert));
    return item;
  }

  #actions(alert) {
    const actions = document.createElement('div');
    actions.className = 'alert-actions';
    if (alert.status === 'open') {
      actions.append(button('Acknowledge', `acknowledge ${alert.id}`, () => this.#on.acknowledge(alert)));
    }
    actions.append(button('Not an anomaly', `normal ${alert.id}`, () => this.#on.notAnomaly(alert)));
    return actions;
  }
}

function label(alert) {
  if (alert.feedback === 'normal') return 'not an anomaly';
  return alert.status === 'open' ? alert.severity : alert.status;
}

function button(words, focus, onClick) {
  const element = text('button', '', words);
  element.type = 'button';
  element.dataset.focus = focus;
  element.addEventListener('click', onClick);
  return element;
}

function text(element, className, words) {
  const node = document.createElement(element);
  if (className !== '') node.className = className;
  node.textContent = words;
  return node;
}
