import { writeFile } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import { decodeArtifact } from '../../models/neural/artifact.js';
import type { Drift, Model, ModelVersion } from '../../services/gateway/schemas/model.js';
import type { ApiClient } from '../client.js';
import { clock } from '../events/views.js';
import { LAYERS_FILES, writeLayersFolder } from '../layers-folder.js';
import { readModelBytes } from '../model-file.js';
import { clientFor, type GlobalOptions } from '../options.js';
import { addPromoteCommands } from './models-promote.js';
import { addShadowCommand } from './models-shadow.js';
import { formatCount } from '../terminal/amounts.js';
import { tableLines } from '../terminal/table.js';
import { printable, printJson, printLine, type Terminal } from '../terminal/terminal.js';

interface ChangeOptions extends GlobalOptions {
  readonly note?: string;
  readonly promote?: boolean;
}

interface ExportOptions extends GlobalOptions {
  readonly format: 'model' | 'layers';
}

const HELP = `
A model is how a profile's devices are looked at: its detectors and, if somebody trained one, a network. Versions never change; the
champion is the one in force. Every change is kept, with who made it and why.

  redshank train --profile pump --device pump-1,pump-2 --since 14d
  redshank models import pump data/models/pump/3f2a91c04b7d/pump.model
  redshank models promote pump challenger --compared --note "two quiet weeks"
  redshank models export pump 3f2a91c04b7d pump-layers --format layers
  redshank models rollback pump --note "too many alerts"`;

export function addModelsCommand(program: Command, terminal: Terminal): void {
  const models = program
    .command('models')
    .description('versions of models, which one is in force, and why')
    .addHelpText('after', HELP);
  const add = (name: string, description: string): Command => models.command(name).description(description);

  add('list', 'all models, and the champion of each').action(async (_options: unknown, command: Command) => {
    const options = command.optsWithGlobals<GlobalOptions>();
    await list(terminal, clientFor(terminal, options), options);
  });
  add('show', 'versions and history of a model')
    .argument('<name>')
    .action(async (name: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const model = await clientFor(terminal, options).get<Model>(pathOf(name));
      if (options.json === true) printJson(terminal, model);
      else show(terminal, model);
    });
  add('import', 'add a version: the champion with a trained network')
    .argument('<name>')
    .argument('<file>', 'what redshank train wrote')
    .option('--note <words>', 'why')
    .option('--promote', 'bring it into force at once')
    .action(async (name: string, file: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<ChangeOptions>();
      await importModel(terminal, clientFor(terminal, options), name, file, options);
    });
  add('export', 'write the trained network of a version to a file, or for TensorFlow.js into a folder')
    .argument('<name>')
    .argument('<version>')
    .argument('<path>', 'a file; with --format layers a folder, which is made')
    .addOption(
      new Option('--format <format>', 'model: what redshank models import reads; layers: what tf.loadLayersModel reads')
        .choices(['model', 'layers'])
        .default('model'),
    )
    .action(async (name: string, version: string, path: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<ExportOptions>();
      await exportModel(terminal, clientFor(terminal, options), { name, version, path }, options);
    });
  add('drift', 'whether devices are still those that the trained model came into force for')
    .argument('<name>')
    .option('--device <id>', 'one device (default: twenty of the profile)')
    .action(async (name: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { readonly device?: string }>();
      const query = options.device === undefined ? {} : { device: options.device };
      const report = await clientFor(terminal, options).get<Drift>(`${pathOf(name)}/drift`, { query });
      if (options.json === true) printJson(terminal, report);
      else showDrift(terminal, report);
    });
  addShadowCommand(models, terminal);
  addPromoteCommands(models, terminal);
  add('rollback', 'bring the champion before back into force')
    .argument('<name>')
    .option('--note <words>', 'why')
    .action(async (name: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<ChangeOptions>();
      const { body: model } = await clientFor(terminal, options).post<Model>(`${pathOf(name)}/rollback`, {
        body: noteOf(options),
      });
      told(terminal, options, model);
    });
}

async function list(terminal: Terminal, client: ApiClient, { json }: GlobalOptions): Promise<void> {
  const { models } = await client.get<{ models: Model[] }>('/v1/models');
  if (json === true) {
    printJson(terminal, { models });
    return;
  }
  const rows = models.map((model) => [
    model.name,
    model.aliases.champion ?? '–',
    trainedOf(model.versions.find(({ version }) => version === model.aliases.champion)),
    model.versions.length,
  ]);
  for (const line of tableLines(['model', 'champion', 'trained network', 'versions'], rows)) printLine(terminal, line);
}

function show(terminal: Terminal, { name, versions, aliases, history }: Model): void {
  const rows = versions.map((version) => [
    `${version.version}${version.version === aliases.champion ? ' *' : version.version === aliases.challenger ? ' ?' : ''}`,
    trainedOf(version),
    clock(version.registered),
    printable(version.by),
    printable(version.note ?? ''),
  ]);
  printLine(terminal, `${name}, * is the champion, ? the challenger`);
  for (const line of tableLines(['version', 'trained network', 'registered', 'by', 'why'], rows))
    printLine(terminal, line);
  if (history.length > 0) printLine(terminal, '\nWhat became of them, oldest first:');
  for (const { type, version, at, by, note } of history) {
    const why = note === undefined ? '' : `: ${printable(note)}`;
    printLine(terminal, `  ${clock(at)}  ${type} ${version} by ${printable(by)}${why}`);
  }
}

function showDrift(terminal: Terminal, { name, model, inForce, devices, unknown, suggestion }: Drift): void {
  if (model === null) {
    printLine(terminal, `${name} has no trained model: there is nothing to drift from`);
    return;
  }
  printLine(terminal, `${name} with the trained model ${model.slice(0, 12)}, in force since ${clock(inForce)}`);
  const rows = devices.map(({ device, verdict, inputs, errors }) => [
    printable(device),
    verdict,
    Object.entries(inputs)
      .map(([channel, index]) => `${printable(channel)} ${index.toFixed(2)}`)
      .join(', '),
    errors === null ? '–' : `${errors.toFixed(2)} ×`,
  ]);
  if (rows.length > 0) {
    for (const line of tableLines(['device', 'drift', 'inputs (PSI; from 0.25 on strong)', 'errors'], rows)) {
      printLine(terminal, line);
    }
  }
  if (unknown > 0) printLine(terminal, `${formatCount(unknown)} devices have recorded too little since`);
  if (suggestion !== null) printLine(terminal, `\n${suggestion}`);
}

async function importModel(
  terminal: Terminal,
  client: ApiClient,
  name: string,
  file: string,
  options: ChangeOptions,
): Promise<void> {
  const bytes = await readModelBytes(file);
  // A damaged file is told here, before it is sent.
  const { header } = decodeArtifact(bytes);
  const { body: version } = await client.post<ModelVersion>(`${pathOf(name)}/artifact`, {
    bytes,
    query: noteOf(options),
  });
  if (options.promote === true) {
    const body = { version: version.version, ...noteOf(options) };
    await client.post<Model>(`${pathOf(name)}/promote`, { body });
  } else {
    await challengeUnlessChampion(client, name, version.version, options);
  }
  if (options.json === true) {
    printJson(terminal, { name, version: version.version, isPromoted: options.promote === true });
    return;
  }
  const state =
    options.promote === true ? 'is in force' : `is the challenger; compare it: redshank models shadow ${name}`;
  printLine(
    terminal,
    `${name} ${version.version}, with a ${header.architecture} network for ${header.channels.join(', ')}, ${state}`,
  );
}

async function exportModel(
  terminal: Terminal,
  client: ApiClient,
  { name, version, path }: { readonly name: string; readonly version: string; readonly path: string },
  { format, json }: ExportOptions,
): Promise<void> {
  const bytes = await client.bytes(`${pathOf(name)}/versions/${encodeURIComponent(version)}/artifact`);
  const model = decodeArtifact(bytes);
  if (format === 'layers') await writeLayersFolder(path, model);
  else await writeFile(path, bytes);
  const { version: artifact } = model;
  if (json === true) printJson(terminal, { file: path, artifact, bytes: bytes.length });
  else if (format === 'layers')
    printLine(terminal, `${path}: ${LAYERS_FILES.join(', ')}, trained model ${artifact.slice(0, 12)}`);
  else printLine(terminal, `${path}: ${formatCount(bytes.length)} bytes, trained model ${artifact.slice(0, 12)}`);
}

/** What is in force already stays that. */
async function challengeUnlessChampion(
  client: ApiClient,
  name: string,
  version: string,
  options: ChangeOptions,
): Promise<void> {
  const { aliases } = await client.get<Model>(pathOf(name));
  if (aliases.champion === version) return;
  await client.post<Model>(`${pathOf(name)}/challenge`, { body: { version, ...noteOf(options) } });
}

function told(terminal: Terminal, { json }: GlobalOptions, model: Model): void {
  if (json === true) printJson(terminal, model);
  else printLine(terminal, `${model.name}: ${model.aliases.champion ?? 'nothing'} is in force`);
}

const pathOf = (name: string): string => `/v1/models/${encodeURIComponent(name)}`;
const noteOf = ({ note }: ChangeOptions): { note?: string } => (note === undefined ? {} : { note });
const trainedOf = (version: ModelVersion | undefined): string =>
  version?.definition.detection.model?.slice(0, 12) ?? '–';
