/** placeholder */
import type { BrokerOptions } from 'moleculer';
import type { Logger } from 'pino';
import { SettingInvalidError } from '../models/errors.js';
import type { Settings } from '../models/settings.js';
import type { Storage } from './storage.js';

export function openClusterStorage(
  _settings: Settings,
  _logger: Logger,
): Promise<{ readonly storage: Storage; readonly transporter: BrokerOptions['transporter'] }> {
  throw new SettingInvalidError(['NATS_URL: this release runs embedded only, unset NATS_URL and REDIS_URL']);
}
