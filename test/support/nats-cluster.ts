import { freePort } from './free-port.js';
import { NatsServer } from './nats-server.js';
import { until } from './until.js';
import { NatsConnection } from '../../storage/nats/nats-connection.js';
import { natsSettings } from './nats-settings.js';

/**
 * Three NATS servers that know each other, once all of them can be written to.
 *
 * @param isSilent they tell clients nothing of each other, as in NATS' Helm chart.
 */
export async function startNatsCluster({ isSilent = false } = {}): Promise<readonly NatsServer[]> {
  const ports = [await freePort(), await freePort(), await freePort()];
  const routes = ports.map((port) => `"nats://127.0.0.1:${port}"`).join(', ');
  const servers = await Promise.all(
    ports.map((port, i) =>
      NatsServer.start({
        config: `server_name: n${i}\ncluster { name: test, listen: "127.0.0.1:${port}", routes: [${routes}], no_advertise: ${isSilent} }`,
      }),
    ),
  );
  await until('the three to find each other', async () => {
    const connection = await NatsConnection.connect(natsSettings(servers[0]!.url));
    try {
      const { data } = await connection.request('$JS.API.INFO', '');
      const hasLeader = !new TextDecoder().decode(data).includes('"error"');
      return hasLeader && (isSilent || new Set(connection.server.connect_urls).size >= 3);
    } catch {
      return false;
    } finally {
      await connection.close();
    }
  });
  return servers;
}
