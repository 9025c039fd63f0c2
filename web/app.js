/** The live page: which device is shown, and what of the gateway's answers goes where. */
import { AlertList } from './alert-list.js';
import { get, listen, post, RequestError, useKey } from './api.js';
import { DeviceChart, MOST_ROWS } from './device-chart.js';
import { badgeText, DeviceList, stateOf } from './device-list.js';

const DEVICES_EVERY_MS = 2_000;
/** Alerts change by event; this only heals what an event that was lost would have told. */
const ALERTS_EVERY_MS = 15_000;
const MOST_DEVICES = 1_000;
const MOST_ALERTS = 100;

const byId = (id) => document.getElementById(id);
const chart = new DeviceChart(byId('plots'));
const deviceList = new DeviceList(byId('devices'), byId('devices-empty'), (id) => chooseByHand(id));
const alertList = new AlertList(byId('alerts'), byId('alerts-empty'), {
  choose: (id) => chooseByHand(id),
  acknowledge: (alert) => tellAlert(alert, 'ack', {}),
  notAnomaly: (alert) => tellAlert(alert, 'feedback', { verdict: 'normal' }),
});

let devices = [];
let alerts = [];
let chosen;
let isChosenByHand = false;
/** Live rows that arrive while the history of the device is still on its way; undefined once it is there. */
let waitingRows;
let stopListening = () => undefined;
let isAskingForKey = false;

function setConnection(state, words) {
  const element = byId('connection');
  element.dataset.state = state;
  element.textContent = words;
}

function chooseByHand(id) {
  isChosenByHand = true;
  choose(id);
}

function choose(id) {
  if (id === chosen) return;
  chosen = id;
  chart.show([]);
  showDevices();
  follow();
}

/**
 * One stream: the scores of the chosen device, and all alerts. Whenever it opens, what came before it opened is read, so that
 * neither a change of device nor a lost connection leaves a gap.
 */
function follow() {
  stopListening();
  waitingRows = [];
  const query = chosen === undefined ? '' : `?device=${encodeURIComponent(chosen)}&alerts=all`;
  stopListening = listen(`/v1/events${query}`, {
    open: () => {
      setConnection('live', 'live');
      void loadHistory(chosen);
      loadAlerts().catch(failed);
    },
    lost: (error) => {
      failed(error);
      if (chart.isEmpty && error.status !== 401) void loadHistory(chosen);
    },
    event: (name, data) => {
      if (name === 'score' && data.device === chosen) {
        if (waitingRows === undefined) chart.add(data);
        else if (waitingRows.length < MOST_ROWS) waitingRows.push(data);
        byId('chart-empty').hidden = !chart.isEmpty;
      } else if (name === 'alert') {
        takeAlert(data);
      } else if (name === 'forgotten') {
        forget(data.device);
      }
    },
  });
}

async function loadHistory(id) {
  if (id === undefined) return;
  try {
    const { scores } = await get(`/v1/devices/${encodeURIComponent(id)}/scores?limit=${MOST_ROWS}`);
    if (chosen !== id) return;
    chart.show(scores);
    for (const row of waitingRows ?? []) chart.add(row);
    waitingRows = undefined;
    showChosen();
  } catch (error) {
    if (chosen === id) failed(error);
  }
}

function forget(device) {
  alerts = alerts.filter((alert) => alert.device !== device);
  if (device === chosen) chart.show([]);
  showAlerts();
}

function takeAlert({ change, alert }) {
  alerts = [alert, ...alerts.filter((known) => known.id !== alert.id)]
    .sort((a, b) => (a.raised < b.raised ? 1 : -1))
    .slice(0, MOST_ALERTS);
  if (change === 'raised') byId('announcer').textContent = `Alert: ${alert.device}. ${alert.reasons[0] ?? ''}`;
  showAlerts();
}

function showAlerts() {
  alertList.show(alerts);
  const open = alerts.filter((alert) => alert.status !== 'resolved');
  byId('total-alerts').textContent = String(open.length);
  document.title = open.length === 0 ? 'Redshank' : `(${open.length}) Redshank`;
  if (!isChosenByHand && open.length > 0) choose(open[0].device);
}

function showDevices() {
  deviceList.show(devices, chosen);
  byId('total-devices').textContent = String(devices.length);
  byId('total-warming').textContent = String(devices.filter((device) => device.phase === 'warming').length);
  byId('total-strange').textContent = String(devices.filter((device) => device.isAnomaly).length);
  showChosen();
}

function showChosen() {
  byId('chart-empty').hidden = !chart.isEmpty;
  const device = devices.find((known) => known.device === chosen);
  const badge = byId('chart-badge');
  badge.hidden = device === undefined;
  if (chosen === undefined) return;
  byId('chart-title').textContent = chosen;
  if (device === undefined) return;
  badge.dataset.state = stateOf(device);
  badge.textContent = badgeText(device, stateOf(device));
  const seen = new Date(device.lastReading ?? device.lastSeen).toLocaleString();
  byId('chart-status').textContent = `profile ${device.profile} · last reading ${seen}`;
}

async function tellAlert(alert, verb, body) {
  try {
    takeAlert({ change: verb, alert: await post(`/v1/alerts/${encodeURIComponent(alert.id)}/${verb}`, body) });
  } catch (error) {
    failed(error);
  }
}

async function loadDevices() {
  ({ devices } = await get(`/v1/devices?limit=${MOST_DEVICES}`));
  if (chosen === undefined && devices.length > 0) choose(devices[0].device);
  else showDevices();
}

async function loadAlerts() {
  ({ alerts } = await get(`/v1/alerts?limit=${MOST_ALERTS}`));
  showAlerts();
}

/** Runs `load` again and again; the next run waits for the last. */
async function repeat(load, everyMs) {
  for (;;) {
    try {
      await load();
    } catch (error) {
      failed(error);
      if (error.status === 401) return;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

function failed(error) {
  if (error instanceof RequestError && error.status === 401) askForKey(error.message);
  else if (error instanceof RequestError) setConnection('problem', error.message);
  else setConnection('lost', 'connection lost, trying again…');
}

function askForKey(problem) {
  if (isAskingForKey) return;
  isAskingForKey = true;
  stopListening();
  setConnection('problem', 'a key is needed');
  byId('key-problem').textContent = byId('key-field').value === '' ? '' : problem;
  byId('key-dialog').showModal();
}

function start() {
  follow();
  // Alerts first: they decide which device is shown.
  void repeat(loadAlerts, ALERTS_EVERY_MS);
  void repeat(loadDevices, DEVICES_EVERY_MS);
}

byId('key-form').addEventListener('submit', (event) => {
  event.preventDefault();
  useKey(byId('key-field').value.trim());
  byId('key-dialog').close();
  isAskingForKey = false;
  start();
});
// Without a key there is nothing behind the dialog: Escape keeps it open.
byId('key-dialog').addEventListener('cancel', (event) => event.preventDefault());

start();
