/** Everything an operator can set. The parts are in `settings/`; this is the door. */
export { isLoopback, loadSettings, redactUrl, type SettingsInput } from './settings/load-settings.js';
export {
  MAX_ANSWER_ROWS,
  MAX_JOB_SERIES,
  MAX_PREDICT_ROWS,
  MAX_PREDICT_VALUES,
  MAX_PREDICT_WINDOW,
  MIN_PREDICT_WINDOW,
} from './settings/predict-limits.js';
export { SERVICE_NAMES, type ServiceName, type Settings } from './settings/settings.js';
export { inboxPrefixOf, roleOf, type Role } from './settings/role.js';
