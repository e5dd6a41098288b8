import type { Clock, Logger } from '@nodeagent/base';
import { backoffLeftMs, type BackoffState, nextBackoff, runEvery } from '@nodeagent/base';
import type { CsiServices } from '@nodeagent/csi';

import { VolumeError } from '../../volumes/index.js';
import { judgePlugin } from '../plan/plugin-info.js';
import type { OpenDriver, PluginSocket, PluginSockets } from '../ports.js';
import type { NodeAnnouncer } from './csi-node.js';

/** Says in the words of metrics that plug-ins are registered, or have to be. */
export type PluginState = 'actual_state_of_world' | 'desired_state_of_world';

export interface PluginMeter {
  /** @param paths the registration sockets of all plug-ins in this state */
  showPlugins(state: PluginState, paths: readonly string[]): void;
}

export interface CsiDriversOptions {
  readonly sockets: PluginSockets;
  readonly announcer: Pick<NodeAnnouncer, 'announce' | 'withdraw'>;
  readonly meter: PluginMeter;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The CSI drivers that are registered with this node. */
export interface DriverLookup {
  /** @throws {VolumeError} `VOLUME_SOURCE` while there is no driver of that name */
  node(driver: string): CsiServices['node'];
}

interface Registered {
  readonly socket: PluginSocket;
  readonly name: string;
  readonly version: readonly number[];
  readonly open: OpenDriver;
}

/** @see Kubernetes 1.36 pkg/kubelet/pluginmanager/plugin_manager.go, loopSleepDuration */
const PERIOD_MS = 1000;
/** @see Kubernetes 1.36 pkg/util/goroutinemap/exponentialbackoff */
const BACKOFF = { initialMs: 500, maxMs: 122_000 };

/**
 * Finds drivers by their sockets in `plugins_registry` and registers them: reads their description,
 * reports them to the cluster, and confirms the registration. A driver is withdrawn with its
 * socket, and registered again when its socket is created again.
 */
export class CsiDrivers implements DriverLookup {
  readonly #options: CsiDriversOptions;
  /** By the path of the registration socket. */
  readonly #registered = new Map<string, Registered>();
  readonly #failures = new Map<string, BackoffState & { readonly identity: string }>();

  constructor(options: CsiDriversOptions) {
    this.#options = options;
  }

  node(driver: string): CsiServices['node'] {
    const found = this.#named(driver);
    if (found !== undefined) return found.open.node;
    const text = `driver name ${driver} not found in the list of registered CSI drivers`;
    throw new VolumeError('VOLUME_SOURCE', text);
  }

  /** Registered drivers. */
  names(): readonly string[] {
    return [...this.#registered.values()].map(({ name }) => name);
  }

  /** Runs until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const onError = (err: unknown): void => log.warn({ err }, 'plug-in sockets cannot be listed');
    const task = (inner: AbortSignal): Promise<void> => this.reconcile(inner);
    try {
      await runEvery({ clock, periodMs: PERIOD_MS, task, onError }, signal);
    } finally {
      for (const { open } of this.#registered.values()) open.close();
    }
  }

  /** One turn: withdraws vanished sockets before it registers new ones. */
  async reconcile(signal: AbortSignal): Promise<void> {
    const sockets = await this.#options.sockets.list();
    const byPath = new Map(sockets.map((socket) => [socket.path, socket]));
    for (const [path, { socket }] of this.#registered) {
      if (byPath.get(path)?.identity !== socket.identity) await this.#tryWithdraw(socket, signal);
    }
    for (const path of this.#failures.keys()) {
      if (!byPath.has(path) && !this.#registered.has(path)) this.#failures.delete(path);
    }
    const { meter } = this.#options;
    meter.showPlugins('desired_state_of_world', [...byPath.keys()]);
    const due = sockets.filter((socket) => this.#isDue(socket));
    await Promise.all(due.map((socket) => this.#tryRegister(socket, signal)));
    meter.showPlugins('actual_state_of_world', [...this.#registered.keys()]);
  }

  #isDue(socket: PluginSocket): boolean {
    return !this.#registered.has(socket.path) && !this.#isWaiting(socket);
  }

  /** The last attempt with this socket failed a short time ago. */
  #isWaiting({ path, identity }: PluginSocket): boolean {
    const failure = this.#failures.get(path);
    if (failure?.identity !== identity) return false;
    return backoffLeftMs(failure, this.#options.clock.monotonicMs()) > 0;
  }

  /** @returns the time until the next attempt, in milliseconds */
  #noteFailure({ path, identity }: PluginSocket): number {
    const before = this.#failures.get(path);
    const known = before?.identity === identity ? before : undefined;
    const next = nextBackoff(known, BACKOFF, this.#options.clock.monotonicMs());
    this.#failures.set(path, { ...next, identity });
    return next.delayMs;
  }

  /** A driver that cannot be withdrawn holds up no other. */
  async #tryWithdraw(socket: PluginSocket, signal: AbortSignal): Promise<void> {
    if (this.#isWaiting(socket)) return;
    try {
      await this.#withdraw(socket.path, signal);
      this.#failures.delete(socket.path);
    } catch (err) {
      signal.throwIfAborted();
      const retryInMs = this.#noteFailure(socket);
      this.#options.log.warn({ socket: socket.path, retryInMs, err }, 'CSI driver not withdrawn');
    }
  }

  async #tryRegister(socket: PluginSocket, signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    const { path } = socket;
    try {
      const name = await this.#register(socket, signal);
      this.#failures.delete(path);
      log.info({ driver: name, socket: path }, 'CSI driver registered');
    } catch (err) {
      signal.throwIfAborted();
      const retryInMs = this.#noteFailure(socket);
      log.warn({ socket: path, retryInMs, err }, 'plug-in not registered');
    }
  }

  /** @returns the driver's name */
  async #register(socket: PluginSocket, signal: AbortSignal): Promise<string> {
    const { sockets, announcer } = this.#options;
    const door = sockets.openRegistration(socket.path);
    try {
      const info = await door.getInfo({}, signal);
      const known = [...this.#registered.values()].find(({ name }) => name === info.name);
      const judged = judgePlugin(info, socket.path, known?.version);
      if ('refused' in judged) return await refuse(door, judged.refused, signal);
      const { name, endpoint, version } = judged;
      const open = sockets.openDriver(endpoint);
      try {
        await announcer.announce(name, await nodeInfo(open, name, signal), signal);
        if (known !== undefined) await this.#drop(known);
        this.#registered.set(socket.path, { socket, name, version, open });
      } catch (error) {
        open.close();
        signal.throwIfAborted();
        const why = error instanceof Error ? error.message : String(error);
        const text = `RegisterPlugin error -- plugin registration failed with err: ${why}`;
        return await refuse(door, text, signal);
      }
      await this.#confirm(door, socket.path, signal);
      return name;
    } finally {
      door.close();
    }
  }

  /** A driver whose registration cannot be confirmed is not used. */
  async #confirm(
    door: ReturnType<PluginSockets['openRegistration']>,
    path: string,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await door.notifyRegistrationStatus({ pluginRegistered: true }, signal);
    } catch (error) {
      await this.#withdraw(path, signal);
      throw error;
    }
  }

  async #withdraw(path: string, signal: AbortSignal): Promise<void> {
    const found = this.#registered.get(path);
    if (found === undefined) return;
    await this.#options.announcer.withdraw(found.name, signal);
    await this.#drop(found);
    this.#options.log.info({ driver: found.name, socket: path }, 'CSI driver gone');
  }

  async #drop({ socket, open }: Registered): Promise<void> {
    this.#registered.delete(socket.path);
    open.close();
  }

  #named(driver: string): Registered | undefined {
    return [...this.#registered.values()].find(({ name }) => name === driver);
  }
}

async function nodeInfo(
  { node }: OpenDriver,
  name: string,
  signal: AbortSignal,
): ReturnType<CsiServices['node']['getInfo']> {
  const info = await node.getInfo({}, signal);
  if (info.nodeId !== '') return info;
  throw new Error(`error adding CSI driver node info: driverNodeID must not be empty (${name})`);
}

/**
 * Reports the reason to the plug-in.
 *
 * @throws always, with the same text
 */
async function refuse(
  door: ReturnType<PluginSockets['openRegistration']>,
  error: string,
  signal: AbortSignal,
): Promise<never> {
  await door.notifyRegistrationStatus({ pluginRegistered: false, error }, signal);
  throw new Error(error);
}
