import type { Operation } from './model/operation.js';
import type { Outline } from './model/outline.js';
import type { ServiceId } from './model/service.js';
import type {
  DestinationState,
  IpvsInfo,
  ServiceState,
  SyncDaemon,
  Timeouts,
} from './model/state.js';

/**
 * The IPVS tables of one network namespace. Every call throws {@link IpvsError}: `IPVS_UNAVAILABLE`,
 * `IPVS_PERMISSION`, `IPVS_REPLIES_LOST`, and what is named at the call; an aborted one rejects with
 * its signal's reason. Calls may overlap: they queue.
 */
export interface Ipvs {
  info(signal?: AbortSignal): Promise<IpvsInfo>;
  /** All services, without their destinations: one dump. */
  listServices(signal?: AbortSignal): Promise<readonly ServiceState[]>;
  /** @returns undefined when there is none */
  getService(id: ServiceId, signal?: AbortSignal): Promise<ServiceState | undefined>;
  /** @throws {IpvsError} `IPVS_SERVICE_MISSING` */
  listDestinations(id: ServiceId, signal?: AbortSignal): Promise<readonly DestinationState[]>;
  /**
   * What the destinations of all services look like from afar, without asking for each service: many
   * times cheaper than {@link listDestinations} where there are many. Services by mark are not in it.
   *
   * @returns undefined where it is not to be had
   */
  outline(signal?: AbortSignal): Promise<Outline | undefined>;
  /**
   * Carries the operations out in order. They are sent together, so many cost hardly more than one;
   * a failing one does not stop those after it.
   *
   * @throws {IpvsApplyError} `IPVS_PARTIAL`, with what failed, why, and what was done
   */
  apply(operations: readonly Operation[], signal?: AbortSignal): Promise<void>;
  getTimeouts(signal?: AbortSignal): Promise<Timeouts>;
  /** Those absent, or 0, stay as they are. @throws {IpvsError} `IPVS_INVALID` */
  setTimeouts(timeouts: Partial<Timeouts>, signal?: AbortSignal): Promise<void>;
  /** Those that run: none, one of a role, or both. */
  listDaemons(signal?: AbortSignal): Promise<readonly SyncDaemon[]>;
  /** @throws {IpvsError} `IPVS_DAEMON_RUNNING`, `IPVS_INTERFACE_MISSING`, `IPVS_INVALID` */
  startDaemon(daemon: SyncDaemon, signal?: AbortSignal): Promise<void>;
  /** @throws {IpvsError} `IPVS_DAEMON_STOPPED` when it does not run */
  stopDaemon(role: SyncDaemon['role'], signal?: AbortSignal): Promise<void>;
  /** Ends the connection to the kernel; the tables stay. */
  close(): void;
}
