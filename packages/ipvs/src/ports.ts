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
 * The IPVS tables of one network namespace. Every call throws {@link IpvsError}:
 * `IPVS_UNAVAILABLE`, `IPVS_PERMISSION`, `IPVS_REPLIES_LOST`, and the codes named at the call; an
 * aborted one rejects with its signal's reason, and without the native add-on each rejects with the
 * NetlinkError `NETLINK_ADDON_MISSING`. Calls may overlap: they queue.
 */
export interface Ipvs {
  info(signal?: AbortSignal): Promise<IpvsInfo>;
  /** Lists all services, without their destinations: one dump. */
  listServices(signal?: AbortSignal): Promise<readonly ServiceState[]>;
  /** @returns undefined when the service does not exist */
  getService(id: ServiceId, signal?: AbortSignal): Promise<ServiceState | undefined>;
  /** @throws {IpvsError} `IPVS_SERVICE_MISSING` */
  listDestinations(id: ServiceId, signal?: AbortSignal): Promise<readonly DestinationState[]>;
  /**
   * Returns a short form of the destinations of all services, without a request per service: many
   * times cheaper than {@link listDestinations} for many services. Services by mark are not in it.
   *
   * @returns undefined when no outline is available
   */
  outline(signal?: AbortSignal): Promise<Outline | undefined>;
  /**
   * Carries the operations out in order. They are sent together, so many cost hardly more than one;
   * a failing one does not stop those after it.
   *
   * @throws {IpvsApplyError} `IPVS_PARTIAL`, with the failed operations, the reasons, and the
   * operations done
   */
  apply(operations: readonly Operation[], signal?: AbortSignal): Promise<void>;
  getTimeouts(signal?: AbortSignal): Promise<Timeouts>;
  /** Timeouts that are absent or 0 stay as they are. @throws {IpvsError} `IPVS_INVALID` */
  setTimeouts(timeouts: Partial<Timeouts>, signal?: AbortSignal): Promise<void>;
  /** Lists the running daemons: none, one of a role, or both. */
  listDaemons(signal?: AbortSignal): Promise<readonly SyncDaemon[]>;
  /** @throws {IpvsError} `IPVS_DAEMON_RUNNING`, `IPVS_INTERFACE_MISSING`, `IPVS_INVALID` */
  startDaemon(daemon: SyncDaemon, signal?: AbortSignal): Promise<void>;
  /** @throws {IpvsError} `IPVS_DAEMON_STOPPED` when the daemon does not run */
  stopDaemon(role: SyncDaemon['role'], signal?: AbortSignal): Promise<void>;
  /** Closes the connection to the kernel; the tables stay. */
  close(): void;
}
