import { familyOf } from '../model/address.js';
import { type FailedOperation, IpvsApplyError } from '../model/apply-error.js';
import { assertFits, type Destination, destinationKey } from '../model/destination.js';
import { IpvsError } from '../model/errors.js';
import { formatOperation, type Operation } from '../model/operation.js';
import { type Outline, outlineOf } from '../model/outline.js';
import { formatServiceId, type ServiceId } from '../model/service.js';
import {
  type DestinationState,
  type IpvsInfo,
  NO_STATISTICS,
  type ServiceState,
  type SyncDaemon,
  type Timeouts,
  unusedState,
} from '../model/state.js';
import type { Ipvs } from '../ports.js';

const SCHEDULERS = 'rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh none'.split(' ');

interface Held {
  service: ServiceState;
  readonly destinations: Map<string, DestinationState>;
}

/** IPVS in memory: keeps the kernel's rules, counts its calls, forwards nothing. */
export class MemoryIpvs implements Ipvs {
  readonly #services = new Map<string, Held>();
  #timeouts: Timeouts = { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 };
  readonly #daemons = new Map<string, SyncDaemon>();
  /** Interfaces that `startDaemon` accepts. */
  readonly interfaces = new Set(['lo']);
  /** Number of calls per method. */
  readonly calls = { listServices: 0, getService: 0, listDestinations: 0, outline: 0, apply: 0 };
  /** Every operation that was carried out. */
  readonly applied: Operation[] = [];
  /** Thrown by every call while set. */
  failure: IpvsError | undefined;

  async info(): Promise<IpvsInfo> {
    this.#enter();
    return { version: '1.2.1', connectionTableSize: 4096 };
  }

  async listServices(): Promise<readonly ServiceState[]> {
    this.#enter('listServices');
    return [...this.#services.values()].map(({ service }) => service);
  }

  async getService(id: ServiceId): Promise<ServiceState | undefined> {
    this.#enter('getService');
    return this.#services.get(formatServiceId(id))?.service;
  }

  async listDestinations(id: ServiceId): Promise<readonly DestinationState[]> {
    this.#enter('listDestinations');
    return [...this.#held(id).destinations.values()];
  }

  async outline(): Promise<Outline | undefined> {
    this.#enter('outline');
    const held = [...this.#services].filter(([, { service }]) => service.id.kind === 'address');
    return new Map(
      held.map(([key, { destinations }]) => [key, [...destinations.values()].map(outlineOf)]),
    );
  }

  async apply(operations: readonly Operation[]): Promise<void> {
    this.#enter('apply');
    const done: Operation[] = [];
    const failed: FailedOperation[] = [];
    for (const operation of operations) {
      try {
        this.#perform(operation);
        done.push(operation);
        this.applied.push(operation);
      } catch (error) {
        if (!(error instanceof IpvsError)) throw error;
        failed.push({ operation, error });
      }
    }
    if (failed.length > 0) throw new IpvsApplyError(done, failed);
  }

  async getTimeouts(): Promise<Timeouts> {
    this.#enter();
    return this.#timeouts;
  }

  async setTimeouts(timeouts: Partial<Timeouts>): Promise<void> {
    this.#enter();
    const wrong = Object.values(timeouts).find((value) => !Number.isInteger(value) || value < 0);
    if (wrong !== undefined) throw new IpvsError('IPVS_INVALID', `Timeout ${wrong}`);
    const set = Object.entries(timeouts).filter(([, value]) => value > 0);
    this.#timeouts = { ...this.#timeouts, ...Object.fromEntries(set) };
  }

  async listDaemons(): Promise<readonly SyncDaemon[]> {
    this.#enter();
    return [...this.#daemons.values()];
  }

  async startDaemon(daemon: SyncDaemon): Promise<void> {
    this.#enter();
    const { role } = daemon;
    if (this.#daemons.has(role)) throw new IpvsError('IPVS_DAEMON_RUNNING', `${role} runs`);
    if (!this.interfaces.has(daemon.interface)) {
      throw new IpvsError('IPVS_INTERFACE_MISSING', `${daemon.interface}: no such interface`);
    }
    this.#daemons.set(role, {
      group: '224.0.0.81',
      port: 8848,
      ttl: 1,
      maxLength: 1472,
      ...daemon,
    });
  }

  async stopDaemon(role: SyncDaemon['role']): Promise<void> {
    this.#enter();
    if (!this.#daemons.delete(role)) throw new IpvsError('IPVS_DAEMON_STOPPED', `no ${role}`);
  }

  close(): void {
    this.failure = new IpvsError('IPVS_CLOSED', 'IPVS: used after close()');
  }

  /** Gives a destination connections, as traffic would. */
  setConnections(id: ServiceId, key: string, active: number, inactive = 0): void {
    const { destinations } = this.#held(id);
    const state = destinations.get(key);
    if (state === undefined) throw missing('IPVS_DESTINATION_MISSING', `${key}: does not exist`);
    destinations.set(key, { ...state, activeConnections: active, inactiveConnections: inactive });
  }

  #enter(method?: keyof MemoryIpvs['calls']): void {
    if (method !== undefined) this.calls[method] += 1;
    if (this.failure !== undefined) throw this.failure;
  }

  #perform(operation: Operation): void {
    switch (operation.kind) {
      case 'add-service': {
        const { service } = operation;
        const key = formatServiceId(service.id);
        if (this.#services.has(key)) throw exists('IPVS_SERVICE_EXISTS', operation);
        assertScheduler(operation);
        const state = { ...service, statistics: NO_STATISTICS };
        this.#services.set(key, { service: state, destinations: new Map() });
        return;
      }
      case 'update-service': {
        const held = this.#held(operation.service.id);
        assertScheduler(operation);
        held.service = { ...operation.service, statistics: held.service.statistics };
        return;
      }
      case 'delete-service':
        this.#held(operation.id);
        this.#services.delete(formatServiceId(operation.id));
        return;
      case 'add-destination':
      case 'update-destination':
        return this.#putDestination(operation);
      case 'delete-destination': {
        const key = destinationKey(operation.destination);
        if (this.#held(operation.id).destinations.delete(key)) return;
        throw missing('IPVS_DESTINATION_MISSING', formatOperation(operation));
      }
      case 'zero':
        if (operation.id !== undefined) this.#held(operation.id);
        return;
      case 'flush':
        return this.#services.clear();
    }
  }

  #putDestination(operation: Operation & { kind: 'add-destination' | 'update-destination' }): void {
    const { kind, id, destination } = operation;
    const { destinations } = this.#held(id);
    const key = destinationKey(destination);
    const before = destinations.get(key);
    assertFits(id, destination);
    if (kind === 'add-destination') {
      if (before !== undefined) throw exists('IPVS_DESTINATION_EXISTS', operation);
      destinations.set(key, fresh(destination));
      return;
    }
    if (before === undefined) throw missing('IPVS_DESTINATION_MISSING', formatOperation(operation));
    destinations.set(key, { ...before, ...destination });
  }

  #held(id: ServiceId): Held {
    const held = this.#services.get(formatServiceId(id));
    if (held !== undefined) return held;
    throw missing('IPVS_SERVICE_MISSING', formatServiceId(id));
  }
}

function fresh(destination: Destination): DestinationState {
  familyOf(destination.address);
  return unusedState(destination);
}

function assertScheduler(operation: Operation & { kind: 'add-service' | 'update-service' }): void {
  if (SCHEDULERS.includes(operation.service.scheduler)) return;
  throw new IpvsError('IPVS_SCHEDULER_UNKNOWN', `${formatOperation(operation)}: no such scheduler`);
}

function exists(
  code: 'IPVS_SERVICE_EXISTS' | 'IPVS_DESTINATION_EXISTS',
  operation: Operation,
): IpvsError {
  return new IpvsError(code, `${formatOperation(operation)}: exists already`);
}

function missing(
  code: 'IPVS_SERVICE_MISSING' | 'IPVS_DESTINATION_MISSING',
  what: string,
): IpvsError {
  return new IpvsError(code, `${what}: does not exist`);
}
