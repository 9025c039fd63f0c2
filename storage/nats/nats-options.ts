/** From settings to what the NATS client wants: alike for the data connection and for Moleculer's transporter. */
import { readFileSync } from 'node:fs';
import {
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
  type Authenticator,
  type NodeConnectionOptions,
} from 'nats';
import { SettingInvalidError } from '../../models/errors.js';
import type { Settings } from '../../models/settings/settings.js';

/** What of the settings a connection needs. */
export type NatsSettings = Pick<
  Settings,
  'natsUrl' | 'natsCreds' | 'natsNkeySeed' | 'natsTlsCa' | 'natsTlsCert' | 'natsTlsKey'
>;

/** Shortest and longest pause between two attempts to connect again, in ms. */
const FIRST_RECONNECT_MS = 100;
const LONGEST_RECONNECT_MS = 2_000;
/** For one attempt: a server that is paused accepts, and then says nothing. */
const DIAL_MS = 3_000;
/** A server that answers no ping for two of these is taken for dead. */
const PING_EVERY_MS = 2_000;
const PINGS_WITHOUT_ANSWER = 2;

/**
 * Options of `connect`, as Moleculer's NATS transporter hands them on, too. They hold no secret in plain: Moleculer shows its
 * options to whoever asks on the bus, and functions do not travel.
 *
 * @param name what the server calls this connection in its monitoring.
 * @throws SettingInvalidError with every problem: URLs that disagree, files that cannot be read.
 */
export function natsConnectOptions(settings: NatsSettings, name: string): NodeConnectionOptions {
  const problems: string[] = [];
  const urls = parseUrls(settings.natsUrl, problems);
  const authenticator = chooseAuthenticator(settings, urls, problems);
  const tls = chooseTls(settings, urls, problems);
  if (problems.length > 0) throw new SettingInvalidError(problems);
  return {
    name,
    servers: urls.map((url) => url.host),
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(tls === undefined ? {} : { tls }),
    timeout: DIAL_MS,
    pingInterval: PING_EVERY_MS,
    maxPingOut: PINGS_WITHOUT_ANSWER,
    reconnect: true,
    maxReconnectAttempts: -1,
    // A password that is changed on the server first must not end a process that is told of it a minute later.
    ignoreAuthErrorAbort: true,
    reconnectDelayHandler: reconnectDelays(),
    noAsyncTraces: true,
  };
}

/** Grows with the attempts that follow each other closely, and is never the same for two processes. */
function reconnectDelays(): () => number {
  let delayMs = FIRST_RECONNECT_MS;
  let lastMs = -Infinity;
  return () => {
    const nowMs = performance.now();
    delayMs =
      nowMs - lastMs > 4 * LONGEST_RECONNECT_MS ? FIRST_RECONNECT_MS : Math.min(LONGEST_RECONNECT_MS, delayMs * 1.5);
    lastMs = nowMs;
    return delayMs * (0.5 + Math.random() / 2);
  };
}

function parseUrls(text: string | undefined, problems: string[]): readonly URL[] {
  const urls: URL[] = [];
  for (const part of (text ?? '').split(',')) {
    const trimmed = part.trim();
    if (URL.canParse(trimmed)) urls.push(new URL(trimmed));
    // Not shown: it may hold a password.
    else problems.push('NATS_URL must be one or more URLs such as nats://host:4222, divided by commas');
  }
  return urls;
}

function chooseAuthenticator(
  settings: NatsSettings,
  urls: readonly URL[],
  problems: string[],
): Authenticator | undefined {
  const users = new Set(urls.filter((url) => url.username !== '').map((url) => `${url.username}:${url.password}`));
  if (users.size > 1) problems.push('NATS_URL must name the same user and password in each of its URLs');
  const files = [settings.natsCreds, settings.natsNkeySeed].filter((file) => file !== undefined);
  if (users.size + files.length > 1) {
    problems.push('NATS_URL with a user, NATS_CREDS and NATS_NKEY_SEED exclude each other: keep one of them');
    return undefined;
  }
  if (settings.natsCreds !== undefined) {
    return credsAuthenticator(rereadable('NATS_CREDS', settings.natsCreds, /-----BEGIN NATS USER JWT-----/, problems));
  }
  if (settings.natsNkeySeed !== undefined) {
    const read = rereadable('NATS_NKEY_SEED', settings.natsNkeySeed, /^SU[A-Z2-7]{56}\s*$/, problems);
    return nkeyAuthenticator(() => new TextEncoder().encode(new TextDecoder().decode(read()).trim()));
  }
  const withUser = urls.find((url) => url.username !== '');
  if (withUser === undefined) return undefined;
  const user = decodeURIComponent(withUser.username);
  return withUser.password === ''
    ? tokenAuthenticator(user)
    : usernamePasswordAuthenticator(user, decodeURIComponent(withUser.password));
}

/** Reads the file again at every connection, since secrets rotate. While it cannot be read the last content serves. */
function rereadable(variable: string, path: string, form: RegExp, problems: string[]): () => Uint8Array {
  let content = new Uint8Array();
  try {
    content = readFileSync(path);
    // The content is not shown: it is the secret.
    if (!form.test(new TextDecoder().decode(content)))
      problems.push(`${variable}: ${path} does not hold what it should`);
  } catch (error) {
    problems.push(`${variable}: cannot read the file (${(error as Error).message})`);
  }
  return () => {
    try {
      const fresh = readFileSync(path);
      if (form.test(new TextDecoder().decode(fresh))) content = fresh;
    } catch {
      // Being replaced just now. An exception here would end the client for good.
    }
    return content;
  };
}

function chooseTls(
  settings: NatsSettings,
  urls: readonly URL[],
  problems: string[],
): { caFile?: string; certFile?: string; keyFile?: string } | undefined {
  const { natsTlsCa, natsTlsCert, natsTlsKey } = settings;
  for (const [variable, path] of Object.entries({
    NATS_TLS_CA: natsTlsCa,
    NATS_TLS_CERT: natsTlsCert,
    NATS_TLS_KEY: natsTlsKey,
  })) {
    if (path === undefined) continue;
    try {
      readFileSync(path);
    } catch (error) {
      problems.push(`${variable}: cannot read the file (${(error as Error).message})`);
    }
  }
  const isWanted = urls.some((url) => url.protocol === 'tls:') || natsTlsCa !== undefined || natsTlsCert !== undefined;
  if (!isWanted) return undefined;
  return {
    ...(natsTlsCa === undefined ? {} : { caFile: natsTlsCa }),
    ...(natsTlsCert === undefined ? {} : { certFile: natsTlsCert }),
    ...(natsTlsKey === undefined ? {} : { keyFile: natsTlsKey }),
  };
}
