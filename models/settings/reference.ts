/** `docs/configuration.md`, made from the table of fields, so that it cannot be wrong. */
import type { Settings } from './settings.js';
import { FIELDS, type Field } from './fields.js';

const HEAD = `# Configuration

Everything has a default: \`npm start\` needs no settings. All faults are reported at once, before anything starts:

\`\`\`
npx redshank config validate redshank.yaml
\`\`\`

A setting is looked for in this order: command line, environment, file, default. The file is YAML, named by \`--config FILE\` or
\`CONFIG_FILE\`. A name that is not known is an error, in the file and for environment names that start with \`REDSHANK_\`. An
empty environment variable counts as not set. Switches are \`true\`, \`false\`, \`1\`, \`0\`, \`yes\`, \`no\`, \`on\` or \`off\`.

The command line itself reads two more: \`REDSHANK_URL\` (server that commands talk to, default \`http://127.0.0.1:8080\`) and
\`REDSHANK_API_KEY\`.

This page is printed by \`npx redshank config reference\`; a test keeps it equal to the code.

`;

const TAIL = `
## Across settings

- \`NATS_URL\` and \`REDIS_URL\` go together: both make a member of a cluster, neither runs everything embedded.
- \`NATS_CREDS\` and \`NATS_NKEY_SEED\` exclude each other; \`NATS_TLS_CERT\` and \`NATS_TLS_KEY\` go together.
- Several URLs in \`REDIS_URL\` need \`REDIS_MODE=cluster\` or \`REDIS_SENTINEL_MASTER\`, and never both.
- \`REDIS_TLS_CA\` only with \`rediss://\`.
- \`AUTH=off\` only while \`HOST\` is a loopback address.
- \`METRICS_PORT\` differs from \`PORT\`, or is 0.
- \`max_inflated_bytes\` is not below \`max_body_bytes\`.

## Profiles

\`profiles:\` gives kinds of devices their own treatment. Each entry is a name and whatever differs from the standard; the
fields are described in \`models/profiles/\`.

\`\`\`yaml
api:
  host: 127.0.0.1
  port: 8080
history_days: 30
profiles:
  pump:
    devices: ['pump-*']
    window:
      latenessMs: 2000
    detection:
      falseAlarmsPerWeek: 0.2
      without: [seasonal]
    alerting:
      openAfter: 2
  meter:
    devices: ['meter-*']
    detection:
      ensemble: light
\`\`\`

\`detection.ensemble\` names a ready-made ensemble:

| | bytes a device of 1, 3, 38 channels, of the detectors | for |
| --- | --- | --- |
| \`light\` | 1.6, 3.6, 39 KB | a million devices on a small machine: each channel by itself, without references |
| \`standard\` | 12, 31, 263 KB | all others |
| \`deep\` | 15, 41, 263 KB | devices of up to 4 channels whose rhythm is longer than a day |

\`detection.without\` leaves detectors out by name (\`docs/detection.md\` has them), every one of that name; \`detection.detectors\` takes the place of
both. \`redshank backtest --data DIR --out DIR --measures --profile light\` tells what that is worth on your own data, \`--estimate --profile light\` what it costs
here.
`;

/** The whole page, as Markdown. Pure: depends on the table alone. */
export function settingsReference(): string {
  const withEnvironment = FIELDS.filter((field) => field.env !== undefined);
  const fileOnly = FIELDS.filter((field) => field.env === undefined);
  return [
    HEAD,
    table('## Environment and file\n', ['environment', 'file', 'default', 'meaning'], withEnvironment, (field) => [
      `\`${field.env ?? ''}\``,
      fileNames(field),
      defaultWords(field),
      meaning(field),
    ]),
    '\nEach of these may also stand in the file under its environment name in lower case.\n\n',
    table('## File only\n', ['file', 'default', 'meaning'], fileOnly, (field) => [
      fileNames(field),
      defaultWords(field),
      meaning(field),
    ]),
    TAIL,
  ].join('');
}

function table(
  heading: string,
  columns: readonly string[],
  fields: readonly Field[],
  cells: (field: Field) => readonly string[],
): string {
  const lines = [columns, columns.map(() => '---'), ...fields.map(cells)].map((row) => `| ${row.join(' | ')} |`);
  return `${heading}\n${lines.join('\n')}\n`;
}

const fileNames = (field: Field): string => `\`${field.file[0] ?? ''}\``;

const NO_EFFECT = ' **Accepted, no effect in this release.**';

const meaning = (field: Field): string =>
  `${field.meaning} Takes ${field.reader.expects}.${field.hasNoEffect === true ? NO_EFFECT : ''} _${field.reason}_`;

function defaultWords(field: Field): string {
  if (field.fallbackWords !== undefined) return field.fallbackWords;
  const value: Settings[typeof field.key] = field.fallback({ settings: {}, cores: 1 });
  return `\`${String(value)}\``;
}
