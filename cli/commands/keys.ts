import type { Command } from 'commander';
import { Option } from 'commander';
import { ROLES, type Role } from '../../models/security/permissions.js';
import type { AuditPage, CreatedKey, Key } from '../../services/gateway/schemas/access.js';
import { clock } from '../events/views.js';
import { clientFor, nameList, wholeNumber, type GlobalOptions } from '../options.js';
import { tableLines } from '../terminal/table.js';
import { printable, printJson, printLine, printNote, type Terminal } from '../terminal/terminal.js';

interface TenantOption extends GlobalOptions {
  readonly tenant?: string;
}

interface CreateOptions extends TenantOption {
  readonly role: Role;
  readonly device?: readonly string[];
  readonly expires?: string;
}

const HELP = `
device: sends readings of its own devices.  writer: of all devices of its tenant.  viewer: looks.
operator: looks, sends, answers alerts, promotes models.  admin: all of its tenant.

  redshank keys create board --role viewer
  redshank keys create line-3 --role device --device "pump-*,fan-3"
  redshank keys revoke board`;

const PATH = '/v1/keys';

export function addKeysCommand(program: Command, terminal: Terminal): void {
  const keys = program.command('keys').description('keys of people and devices').addHelpText('after', HELP);
  const tenant = () => new Option('--tenant <name>', 'another tenant; only from the one that runs the cluster');
  keys
    .command('create')
    .description('make a key and show it once')
    .argument('<name>')
    .addOption(new Option('--role <role>', 'what it may do').choices(ROLES).makeOptionMandatory())
    .option('--device <patterns>', 'with --role device: its devices, divided by commas', nameList)
    .option('--expires <time>', 'RFC 3339 (default never)')
    .addOption(tenant())
    .action(async (name: string, _options: unknown, command: Command) => {
      await create(terminal, name, command.optsWithGlobals<CreateOptions>());
    });
  keys
    .command('list')
    .description('the keys of a tenant, without what is secret')
    .addOption(tenant())
    .action(async (_options: unknown, command: Command) => {
      await list(terminal, command.optsWithGlobals<TenantOption>());
    });
  keys
    .command('revoke')
    .description('take a key back')
    .argument('<name>')
    .addOption(tenant())
    .action(async (name: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<TenantOption>();
      const query = queryOf(options);
      await clientFor(terminal, options).send('DELETE', `${PATH}/${encodeURIComponent(name)}`, { query });
      if (options.json === true) printJson(terminal, { revoked: name });
      else printLine(terminal, `${name} is good for nothing any more; other gateways know within 5 s`);
    });
}

export function addAuditCommand(program: Command, terminal: Terminal): void {
  program
    .command('audit')
    .description('who changed what, newest first')
    .option('--most <n>', 'most entries', wholeNumber(1, 1_000_000), 50)
    .addOption(new Option('--tenant <name>', 'another tenant; only from the one that runs the cluster'))
    .action(async (_options: unknown, command: Command) => {
      await audit(terminal, command.optsWithGlobals<TenantOption & { readonly most: number }>());
    });
}

async function create(terminal: Terminal, name: string, options: CreateOptions): Promise<void> {
  const { role, device, expires, tenant } = options;
  const body = {
    name,
    role,
    ...(device !== undefined && { devices: device }),
    ...(expires !== undefined && { expires }),
    ...(tenant !== undefined && { tenant }),
  };
  const { body: made } = await clientFor(terminal, options).post<CreatedKey>(PATH, { body });
  if (options.json === true) {
    printJson(terminal, made);
    return;
  }
  printLine(terminal, made.key);
  printNote(
    terminal,
    `Keep it: it is shown once, and stored nowhere. ${made.name} is a ${made.role} of ${made.tenant}.`,
  );
}

async function list(terminal: Terminal, options: TenantOption): Promise<void> {
  const { keys } = await clientFor(terminal, options).get<{ keys: Key[] }>(PATH, { query: queryOf(options) });
  if (options.json === true) {
    printJson(terminal, { keys });
    return;
  }
  const rows = keys.map(({ name, role, devices, prefix, created, createdBy, expires, isExpired, lastUsed }) => [
    printable(name),
    devices === undefined ? role : `${role}: ${printable(devices.join(', '))}`,
    prefix === undefined ? '–' : `${prefix}…`,
    `${clock(created)}${createdBy === undefined ? '' : ` by ${printable(createdBy)}`}`,
    lastUsed === undefined ? '–' : clock(lastUsed),
    expires === undefined ? 'never' : `${clock(expires)}${isExpired ? ' (over)' : ''}`,
  ]);
  for (const line of tableLines(['key', 'role', 'begins with', 'made', 'last used', 'expires'], rows)) {
    printLine(terminal, line);
  }
}

async function audit(terminal: Terminal, options: TenantOption & { readonly most: number }): Promise<void> {
  const client = clientFor(terminal, options);
  let left = options.most;
  let cursor: string | undefined;
  do {
    const query = { ...queryOf(options), limit: Math.min(left, 1_000), cursor };
    const page = await client.get<AuditPage>('/v1/audit', { query });
    for (const entry of page.entries) {
      if (options.json === true) printJson(terminal, entry);
      else printLine(terminal, lineOf(entry));
    }
    left -= page.entries.length;
    cursor = page.next;
  } while (cursor !== undefined && left > 0);
}

function lineOf({ at, by, role, from, action, target, details, failed }: AuditPage['entries'][number]): string {
  const ids = Object.values(target).map(printable).join(' ');
  const words = [clock(at), `${printable(by)} (${role}, ${from})`, action, ids, details && printable(details)];
  return [...words, failed === undefined ? '' : `failed: ${failed}`].filter((word) => word).join('  ');
}

const queryOf = ({ tenant }: TenantOption): { tenant?: string } => (tenant === undefined ? {} : { tenant });
