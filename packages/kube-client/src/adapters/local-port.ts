import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { KubeError } from '../model/errors.js';

/** The local address to listen on, and a listener for connections that fail. */
export interface LocalPortOptions {
  /** 127.0.0.1 when absent. */
  readonly host?: string;
  /** Any free port when 0 or absent. */
  readonly localPort?: number;
  /**
   * Time without data after which a connection is closed whose local client has ended its direction; 10 s
   * when absent. The client may still wait for an answer, and the protocol cannot pass on such an end.
   */
  readonly lingerMs?: number;
  /**
   * Called with the error of a connection that could not be made or broke. Without it, the local client
   * sees only that its connection is reset.
   */
  readonly onError?: (error: unknown) => void;
}

/** A local port that leads into a pod. */
export interface LocalPort extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Stops listening and cuts all connections. */
  close(): Promise<void>;
}

const LINGER_MS = 10_000;

/**
 * Listens and joins each connection to a new one from `connect`.
 *
 * @param signal stops it as `close` does
 * @throws {KubeError} `KUBE_INVALID` when it cannot listen there
 */
export async function listenLocally(
  connect: (signal: AbortSignal) => Promise<Duplex>,
  options: LocalPortOptions,
  signal: AbortSignal,
): Promise<LocalPort> {
  signal.throwIfAborted();
  const { host = '127.0.0.1', localPort = 0 } = options;
  const locals = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (local) => {
    locals.add(local);
    local.once('close', () => locals.delete(local));
    local.on('error', () => undefined); // its close follows
    void join(local, connect, options);
  });
  const close = async (): Promise<void> => {
    signal.removeEventListener('abort', abort);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const local of locals) local.destroy();
    await closed;
  };
  const abort = (): void => void close();
  try {
    server.listen(localPort, host);
    await once(server, 'listening');
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new KubeError('KUBE_INVALID', `cannot listen: ${problem}`, { cause });
  }
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) await close();
  signal.throwIfAborted();
  const { address, port } = server.address() as AddressInfo;
  return { host: address, port, close, [Symbol.asyncDispose]: close };
}

async function join(
  local: Socket,
  connect: (signal: AbortSignal) => Promise<Duplex>,
  { lingerMs = LINGER_MS, onError }: LocalPortOptions,
): Promise<void> {
  const gone = new AbortController();
  local.once('close', () => gone.abort());
  let remote: Duplex;
  try {
    remote = await connect(gone.signal);
  } catch (error) {
    if (gone.signal.aborted) return;
    local.resetAndDestroy();
    onError?.(error);
    return;
  }
  local.once('close', () => remote.destroy());
  if (local.destroyed) remote.destroy();
  remote.once('error', (error) => {
    if (gone.signal.aborted) return;
    local.resetAndDestroy();
    onError?.(error);
  });
  remote.once('end', () => local.destroySoon());
  local.once('end', () => local.setTimeout(lingerMs, () => local.destroy()));
  remote.pipe(local, { end: false });
  local.pipe(remote, { end: false });
}
