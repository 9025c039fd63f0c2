/** How the page talks to the gateway: JSON requests and the event stream, with the key where one is asked for. */

const KEY = 'redshank-key';
const RECONNECT_MS = 2_000;
/** A heartbeat comes every 15 s; a stream that is silent for longer than this is dead. */
const SILENT_MS = 40_000;

/** An answer that is not 2xx. `status` 401 means: ask for a key. */
export class RequestError extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export function useKey(key) {
  sessionStorage.setItem(KEY, key);
}

function headers() {
  const key = sessionStorage.getItem(KEY);
  return key === null ? {} : { Authorization: `Bearer ${key}` };
}

async function check(response) {
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new RequestError(response.status, problem.detail ?? `the server answered ${response.status}`);
}

/** @returns the JSON of a GET. */
export async function get(path) {
  return (await check(await fetch(path, { headers: headers() }))).json();
}

/** @returns the JSON of the answer to a POST. */
export async function post(path, body) {
  const init = {
    method: 'POST',
    headers: { ...headers(), 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  };
  return (await check(await fetch(path, init))).json();
}

/**
 * Listens to `/v1/events` until stopped, over lost connections. `EventSource` could not send the key.
 *
 * @param path with its query.
 * @param on `{open(), event(name, data), lost(error)}`; after a 401 it does not try again.
 * @returns a function that stops it.
 */
export function listen(path, on) {
  const stop = new AbortController();
  void follow(path, on, stop.signal);
  return () => stop.abort();
}

async function follow(path, on, signal) {
  while (!signal.aborted) {
    try {
      await readStream(path, on, signal);
      if (!signal.aborted) on.lost(new Error('the server ended the stream'));
    } catch (error) {
      if (signal.aborted) return;
      on.lost(error);
      if (error.status === 401) return;
    }
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
  }
}

async function readStream(path, on, signal) {
  const attempt = new AbortController();
  const abort = () => attempt.abort();
  signal.addEventListener('abort', abort);
  let watchdog = setTimeout(abort, SILENT_MS);
  try {
    const response = await check(await fetch(path, { headers: headers(), signal: attempt.signal }));
    on.open();
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let buffer = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(watchdog);
      watchdog = setTimeout(abort, SILENT_MS);
      buffer += decoder.decode(value, { stream: true });
      const messages = buffer.split('\n\n');
      buffer = messages.pop();
      for (const message of messages) tell(message, on);
    }
  } finally {
    clearTimeout(watchdog);
    signal.removeEventListener('abort', abort);
    abort();
  }
}

function tell(message, on) {
  let name = 'message';
  let data = '';
  for (const line of message.split('\n')) {
    if (line.startsWith('event: ')) name = line.slice(7);
    else if (line.startsWith('data: ')) data += line.slice(6);
  }
  if (data !== '') on.event(name, JSON.parse(data));
}
