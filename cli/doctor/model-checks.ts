/** Trained models in force: the server gives each out whole, and scores with it. */
import type { Model } from '../../services/gateway/schemas/model.js';
import { decodeArtifact } from '../../models/neural/artifact.js';
import type { ApiClient } from '../client.js';
import { fail, messageOf, ok, type Finding } from './check.js';

const MOST_MODELS = 8;
/** Longer than the windows of most networks. */
const ROWS = 200;

/** One finding for all that are well, or one for each that is not. None where no trained model is in force. */
export async function checkModels(client: ApiClient): Promise<readonly Finding[]> {
  let models: readonly Pick<Model, 'name' | 'versions' | 'aliases'>[];
  try {
    models = (await client.get<{ models: typeof models }>('/v1/models')).models;
  } catch (error) {
    return [fail('models', messageOf(error))];
  }
  const trained = models.flatMap(({ name, versions, aliases: { champion } }) => {
    const found = versions.find(({ version }) => version === champion);
    return found?.definition.detection.model === undefined ? [] : [{ name, version: found.version }];
  });
  const findings: Finding[] = [];
  const good: string[] = [];
  for (const { name, version } of trained.slice(0, MOST_MODELS)) {
    try {
      const path = `/v1/models/${encodeURIComponent(name)}/versions/${encodeURIComponent(version)}/artifact`;
      const { header } = decodeArtifact(await client.bytes(path));
      const data = Array.from({ length: ROWS }, (_, i) => header.normaliser.mean.map((mean) => mean + (i % 3) * 0.01));
      await client.post('/predict', { body: { data, method: 'autoencoder' } });
      good.push(`${name} (${header.architecture}, ${header.channels.length} channel(s))`);
    } catch (error) {
      findings.push(fail('models', `the trained model in force of ${name} is no good: ${messageOf(error)}`));
    }
  }
  if (good.length > 0) findings.push(ok('models', `trained models load and score: ${good.join(', ')}`));
  return findings;
}
