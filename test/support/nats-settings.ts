import type { NatsSettings } from '../../storage/nats/nats-options.js';

/** Nothing but a URL, and what a test adds. */
export function natsSettings(natsUrl: string, more: Partial<NatsSettings> = {}): NatsSettings {
  return {
    natsUrl,
    natsCreds: undefined,
    natsNkeySeed: undefined,
    natsTlsCa: undefined,
    natsTlsCert: undefined,
    natsTlsKey: undefined,
    ...more,
  };
}
