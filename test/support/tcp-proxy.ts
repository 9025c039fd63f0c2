/**
 * A way between one process and a server, on which the network can be broken: black-holed, closed, slowed down, and healed.
 *
 * Black-holed, both ends keep their connections and new ones are accepted, but nothing is delivered in either direction. What
 * was sent meanwhile is delivered after healing, as TCP does: a late write of a process that was thought dead is the hardest
 * case, and must not be spared.
 */
import { createServer, connect, type Server, type Socket } from 'node:net';

/** A slowed way delivers this often. */
const SLOW_TICK_MS = 100;

interface Pair {
  readonly near: Socket;
  far: Socket | undefined;
}

export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #pairs = new Set<Pair>();
  #isCut = false;
  #bytesATick = Infinity;
  #timer: NodeJS.Timeout | undefined;

  private constructor(server: Server, port: number, targetPort: number) {
    this.#server = server;
    this.port = port;
    this.#targetPort = targetPort;
    server.on('connection', (near) => this.#accept(near));
  }

  /** @param targetPort of the loopback interface. */
  static async start(targetPort: number): Promise<TcpProxy> {
    const server = createServer({ pauseOnConnect: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port was given');
    return new TcpProxy(server, address.port, targetPort);
  }

  /** Delivers nothing any more, in both directions, until `heal`. */
  cut(): void {
    this.#isCut = true;
    this.#regulate();
  }

  /** Lets about `bytesASecond` through to the process, as if it read too slowly. */
  slow(bytesASecond: number): void {
    this.#bytesATick = Math.max(1, Math.round((bytesASecond * SLOW_TICK_MS) / 1_000));
    this.#regulate();
  }

  heal(): void {
    this.#isCut = false;
    this.#bytesATick = Infinity;
    this.#regulate();
  }

  /** Ends the open connections; new ones are welcome. */
  closeConnections(): void {
    for (const pair of [...this.#pairs]) this.#end(pair);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.closeConnections();
    await closed;
  }

  #accept(near: Socket): void {
    const pair: Pair = { near, far: undefined };
    this.#pairs.add(pair);
    near.setNoDelay(true);
    near.on('error', () => this.#end(pair)).on('close', () => this.#end(pair));
    if (!this.#isCut) this.#join(pair);
  }

  #join(pair: Pair): void {
    const { near } = pair;
    const far = connect(this.#targetPort, '127.0.0.1');
    pair.far = far;
    far.setNoDelay(true);
    far.pause();
    far.on('error', () => this.#end(pair)).on('close', () => this.#end(pair));
    near.on('data', (bytes: Buffer) => {
      if (!far.write(bytes)) near.pause();
    });
    far.on('drain', () => this.#resume(near));
    far.on('data', (bytes: Buffer) => {
      if (!near.write(bytes)) far.pause();
    });
    near.on('drain', () => this.#resumeFar(far));
    this.#resume(near);
    this.#resumeFar(far);
  }

  #resume(socket: Socket): void {
    if (!this.#isCut) socket.resume();
  }

  #resumeFar(far: Socket): void {
    if (!this.#isCut && this.#bytesATick === Infinity) far.resume();
  }

  #regulate(): void {
    clearInterval(this.#timer);
    for (const pair of this.#pairs) {
      if (this.#isCut) {
        pair.near.pause();
        pair.far?.pause();
      } else if (pair.far === undefined) this.#join(pair);
      else {
        pair.near.resume();
        if (this.#bytesATick === Infinity) pair.far.resume();
        else pair.far.pause();
      }
    }
    if (this.#isCut || this.#bytesATick === Infinity) return;
    this.#timer = setInterval(() => {
      // A paused socket holds what it has read, and no more; `read` hands it on by the spoonful, so that the server must wait.
      for (const { far } of this.#pairs) far?.read(Math.min(this.#bytesATick, far.readableLength));
    }, SLOW_TICK_MS);
  }

  #end(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return;
    pair.near.destroy();
    pair.far?.destroy();
  }
}
