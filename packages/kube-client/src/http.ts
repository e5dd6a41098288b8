import type { Duplex } from 'node:stream';

import type { Clock, Logger, Metrics } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';
import type { Session } from '@nodeagent/pod-streams/streams';

import type { Pings } from './adapters/channel-connections.js';
import { createCredentialSource } from './adapters/credentials.js';
import { createHttpTransport } from './adapters/http-transport.js';
import type { Liveness } from './adapters/http2-connection.js';
import { listenLocally, type LocalPort, type LocalPortOptions } from './adapters/local-port.js';
import {
  type CommandOptions,
  type CommandResult,
  connectPort,
  openAttach,
  openExec,
  runCommand,
} from './adapters/pod-sessions.js';
import { portForwardPath } from './codec/request-path.js';
import type { Connection } from './model/connection.js';
import type { TokenBucketRules } from './plan/token-bucket.js';
import type { AttachOptions, ExecOptions, KubeClient, ObjectName, PodLogOptions } from './ports.js';
import { ApiClient } from './run/api-client.js';
import { LoggedTransport } from './run/logged-transport.js';
import { MeteredTransport } from './run/metered-transport.js';
import { createRequestMeter } from './run/request-meter.js';

export type {
  AttachOptions,
  CommandOptions,
  CommandResult,
  ExecOptions,
  Liveness,
  LocalPort,
  LocalPortOptions,
  Pings,
  PodLogOptions,
  Session,
};

/** Limits and observers of a client. */
export interface KubeClientOptions {
  /** E.g. `kubelet/v1.36.2 (linux/amd64)`. */
  readonly userAgent?: string;
  /**
   * No limit when absent. A watch counts once, when it starts; a list counts once for all its
   * pages.
   */
  readonly rateLimit?: TokenBucketRules | undefined;
  /** Maximum silence of the server on all requests except watches; 30 s when absent. */
  readonly requestTimeoutMs?: number | undefined;
  /**
   * Maximum silence on a watch. When absent: the watch's timeout plus a minute, because the server
   * may have no events for that long.
   */
  readonly watchIdleTimeoutMs?: number;
  /** Timings of HTTP/2 PINGs; when absent, a PING after 30 s of silence and 15 s for its answer. */
  readonly liveness?: Liveness;
  /**
   * Pings of sessions; when absent, every 5 s, and a session is given up after 61 s without any answer.
   */
  readonly sessionPings?: Pings;
  readonly clock?: Clock;
  /** Receives a debug line for each request. */
  readonly log?: Logger;
  /** Registers the metrics `rest_client_*`. */
  readonly metrics?: Metrics;
}

/** A client that holds connections. */
export interface HttpKubeClient extends KubeClient {
  /**
   * Reads the log of a pod's container in pieces as they arrive, not cut at lines. With `follow` it
   * goes on until the container has ended; leaving the loop ends it too.
   *
   * @throws {KubeError} also while it is read: `KUBE_UNAVAILABLE` when the connection breaks
   * @example
   * const web = { namespace: 'default', name: 'web' };
   * for await (const piece of client.podLog(web, { follow: true })) process.stdout.write(piece);
   */
  podLog(
    name: ObjectName,
    options?: PodLogOptions,
    signal?: AbortSignal,
  ): AsyncIterableIterator<Uint8Array>;
  /**
   * Starts a command in a container and opens a session with its streams. Read all outputs that you asked
   * for: one that nobody reads stops the others.
   *
   * The server needs the verbs `get` and, since Kubernetes 1.35, `create` on `pods/exec`.
   *
   * @param signal ends the session; the server decides whether the command continues
   * @throws {KubeError} as the server refuses; later, from `exitCode` and the outputs,
   *   `KUBE_UNAVAILABLE` when the connection breaks
   * @example
   * const web = { namespace: 'default', name: 'web' };
   * const session = await client.exec(web, { command: ['tar', 'c', '/etc'], stderr: false });
   * for await (const piece of session.stdout) process.stdout.write(piece as Uint8Array);
   * console.log('exit code', await session.exitCode);
   */
  exec(name: ObjectName, options: ExecOptions, signal?: AbortSignal): Promise<Session>;
  /**
   * Opens a session with the streams of a container's own program. Its exit code is 0 when the
   * session ends without a failure.
   *
   * @param signal ends the session, not the program
   * @throws {KubeError} as `exec`
   * @example
   * const web = { namespace: 'default', name: 'web' };
   * const { stdout } = await client.attach(web, { stderr: false });
   * for await (const piece of stdout) process.stdout.write(piece as Uint8Array);
   */
  attach(name: ObjectName, options?: AttachOptions, signal?: AbortSignal): Promise<Session>;
  /**
   * Runs a command in a container to its end.
   *
   * @returns its outputs as text; a command that fails has another exit code than 0
   * @throws {KubeError} as `exec`; `KUBE_PROTOCOL` when the outputs exceed `maxOutputBytes`, or
   *   when input is given to a server that cannot end it (before Kubernetes 1.30)
   * @example
   * const web = { namespace: 'default', name: 'web' };
   * const { exitCode, stdout } = await client.runCommand(web, { command: ['cat', '/etc/hosts'] });
   * console.log(exitCode, stdout);
   */
  runCommand(
    name: ObjectName,
    options: CommandOptions,
    signal?: AbortSignal,
  ): Promise<CommandResult>;
  /**
   * Opens one connection to a port of a pod. Destroying it closes it; the protocol cannot end one
   * direction, so after `end()` it goes on until the pod closes it. A port where nothing listens
   * destroys it with `KUBE_SERVER`.
   *
   * @param signal closes the connection
   * @throws {KubeError} as the server refuses
   * @example
   * const web = { namespace: 'default', name: 'web' };
   * const connection = await client.portForward(web, 8080);
   * connection.write('GET / HTTP/1.0\r\n\r\n');
   * for await (const piece of connection) process.stdout.write(piece as Uint8Array);
   */
  portForward(name: ObjectName, port: number, signal?: AbortSignal): Promise<Duplex>;
  /**
   * Listens on this machine and passes each connection on to a port of a pod, as
   * `kubectl port-forward` does. The pod is first asked by the first connection.
   *
   * @param signal closes it
   * @throws {KubeError} `KUBE_INVALID` when it cannot listen there
   * @example
   * const web = { namespace: 'default', name: 'web' };
   * await using local = await client.forwardLocalPort(web, 8080, { onError: console.error });
   * console.log(await (await fetch(`http://127.0.0.1:${local.port}/`)).text());
   */
  forwardLocalPort(
    name: ObjectName,
    port: number,
    options?: LocalPortOptions,
    signal?: AbortSignal,
  ): Promise<LocalPort>;
  /**
   * Reads a JSON document of a node's kubelet through the API server, without nulls.
   *
   * @param path `stats/summary`, `configz`
   */
  nodeDocument(node: string, path: string, signal?: AbortSignal): Promise<unknown>;
  /** Closes all connections; current calls fail. */
  close(): void;
}

/** Creates a client of the API server of a connection; it sends nothing before the first call. */
export function createKubeClient(
  connection: Connection,
  options: KubeClientOptions = {},
): HttpKubeClient {
  const { rateLimit, metrics, log, clock = createSystemClock() } = options;
  const { headers } = connection.user;
  const http = createHttpTransport(connection, {
    liveness: options.liveness,
    pings: options.sessionPings,
  });
  const transport = log === undefined ? http : new LoggedTransport({ transport: http, log, clock });
  const { host } = new URL(connection.server);
  return new HttpClient({
    transport:
      metrics === undefined ? transport : new MeteredTransport({ transport, metrics, clock, host }),
    credentials: createCredentialSource(connection),
    clock,
    userAgent: options.userAgent ?? 'nodeagent',
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
    watchIdleTimeoutMs: options.watchIdleTimeoutMs,
    ...(rateLimit === undefined ? {} : { rateLimit }),
    ...(metrics === undefined ? {} : { meter: createRequestMeter(metrics, host) }),
    ...(headers === undefined ? {} : { headers }),
  });
}

/** The calls of the port, and sessions, which are Node.js streams. */
class HttpClient extends ApiClient implements HttpKubeClient {
  exec(name: ObjectName, options: ExecOptions, signal = never()): Promise<Session> {
    return openExec({ source: this, name, signal }, options);
  }

  attach(name: ObjectName, options: AttachOptions = {}, signal = never()): Promise<Session> {
    return openAttach({ source: this, name, signal }, options);
  }

  runCommand(name: ObjectName, options: CommandOptions, signal = never()): Promise<CommandResult> {
    return runCommand({ source: this, name, signal }, options);
  }

  portForward(name: ObjectName, port: number, signal = never()): Promise<Duplex> {
    return connectPort({ source: this, name, signal }, port);
  }

  async forwardLocalPort(
    name: ObjectName,
    port: number,
    options: LocalPortOptions = {},
    signal = never(),
  ): Promise<LocalPort> {
    portForwardPath(name, port); // a name that leads nowhere fails here, not in each connection
    const connect = (one: AbortSignal): Promise<Duplex> => this.portForward(name, port, one);
    return listenLocally(connect, options, signal);
  }
}

function never(): AbortSignal {
  return new AbortController().signal;
}
