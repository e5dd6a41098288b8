import type { Clock } from '@nodeagent/base';
import {
  decodeGeneric,
  FLAG,
  isNetlinkError,
  MESSAGE,
  NetlinkConnection,
  type NetlinkMessage,
  type NetlinkSocket,
  type OutgoingMessage,
  resolveGenericFamily,
} from '@nodeagent/netlink-codec';

import {
  COMMAND,
  COMMAND_ATTRS,
  type CommandAttrs,
  INFO_ATTRS,
  IPVS_FAMILY,
} from '../codec/attrs.js';
import { daemonAttrs, daemonRoleAttrs, decodeDaemon } from '../codec/daemon-attrs.js';
import { decodeDestination } from '../codec/destination-attrs.js';
import { parseProcTable } from '../codec/proc-table.js';
import { type Asked, ipvsError } from '../codec/refusals.js';
import { encodeCommand, encodeOperations } from '../codec/requests.js';
import { decodeService, serviceIdAttrs } from '../codec/service-attrs.js';
import { type FailedOperation, IpvsApplyError } from '../model/apply-error.js';
import { IpvsError, isIpvsError } from '../model/errors.js';
import { checkedNumber, U32_MAX } from '../model/limits.js';
import { formatOperation, type Operation } from '../model/operation.js';
import type { Outline } from '../model/outline.js';
import { formatServiceId, serviceFamily, type ServiceId } from '../model/service.js';
import type {
  DestinationState,
  IpvsInfo,
  ServiceState,
  SyncDaemon,
  Timeouts,
} from '../model/state.js';
import type { Ipvs } from '../ports.js';

/**
 * A request without a command, which the kernel acknowledges. A daemon that is stopped before its
 * thread first ran ends with EINTR, and the kernel never answers a request that ends this way; it
 * does answer the request after it.
 *
 * @see Linux kernel/kthread.c (kthread), net/netlink/af_netlink.c (netlink_rcv_skb)
 */
const FENCE: OutgoingMessage = { type: MESSAGE.noop, flags: 0, payload: Buffer.alloc(0) };

/** The ways to the kernel; {@link KernelIpvs} touches the machine only by these. */
export interface KernelIpvsOptions {
  /** Opens a socket of the generic netlink protocol (16). */
  readonly open: () => NetlinkSocket | Promise<NetlinkSocket>;
  readonly clock: Clock;
  /**
   * Returns the text of /proc/net/ip_vs, undefined when not available. Without this function there
   * is no outline.
   */
  readonly readProcTable?: () => Promise<string | undefined>;
}

interface Link {
  readonly connection: NetlinkConnection;
  readonly familyId: number;
}

interface Ask {
  /** Text for error messages. */
  readonly what: string;
  /** `read` when absent. */
  readonly asked?: Asked;
  readonly command: number;
  readonly values?: CommandAttrs;
}

const NEVER = new AbortController().signal;

/** The kernel's IPVS over generic netlink; the next call replaces a broken connection. */
export class KernelIpvs implements Ipvs {
  readonly #options: KernelIpvsOptions;
  #link: Promise<Link> | undefined;
  #isClosed = false;

  constructor(options: KernelIpvsOptions) {
    this.#options = options;
  }

  async info(signal: AbortSignal = NEVER): Promise<IpvsInfo> {
    const ask = { what: 'IPVS info', command: COMMAND.getInfo };
    const { version, connectionTableSize = 0 } =
      (await this.#ask(ask, (answer) => decodeGeneric(INFO_ATTRS, answer).values, signal)) ?? {};
    if (version === undefined) throw new IpvsError('IPVS_PROTOCOL', 'IPVS info: no version');
    const parts = [16, 8, 0].map((shift) => (version >>> shift) & 0xff);
    return { version: parts.join('.'), connectionTableSize };
  }

  listServices(signal: AbortSignal = NEVER): Promise<readonly ServiceState[]> {
    const ask = { what: 'IPVS services', command: COMMAND.getService };
    return this.#dump(ask, readService, signal);
  }

  async getService(id: ServiceId, signal: AbortSignal = NEVER): Promise<ServiceState | undefined> {
    const ask = {
      what: `IPVS service ${formatServiceId(id)}`,
      command: COMMAND.getService,
      values: { service: serviceIdAttrs(id) },
    };
    try {
      return await this.#ask(ask, readService, signal);
    } catch (error) {
      if (isIpvsError(error, 'IPVS_SERVICE_MISSING')) return undefined;
      throw error;
    }
  }

  async listDestinations(
    id: ServiceId,
    signal: AbortSignal = NEVER,
  ): Promise<readonly DestinationState[]> {
    const what = `IPVS destinations of ${formatServiceId(id)}`;
    const family = serviceFamily(id);
    const ask = { what, command: COMMAND.getDestination, values: { service: serviceIdAttrs(id) } };
    const pick = (answer: NetlinkMessage): DestinationState | undefined => {
      const { destination } = read(answer);
      return destination === undefined ? undefined : decodeDestination(destination, family);
    };
    const found = await this.#dump(ask, pick, signal);
    // for a service that does not exist the kernel lists nothing and reports no error
    if (found.length === 0 && (await this.getService(id, signal)) === undefined) {
      throw new IpvsError('IPVS_SERVICE_MISSING', `${what}: the service does not exist`);
    }
    return found;
  }

  async outline(signal: AbortSignal = NEVER): Promise<Outline | undefined> {
    if (this.#isClosed) throw closed();
    signal.throwIfAborted();
    const text = await this.#options.readProcTable?.();
    signal.throwIfAborted();
    return text === undefined ? undefined : parseProcTable(text);
  }

  async apply(operations: readonly Operation[], signal: AbortSignal = NEVER): Promise<void> {
    if (operations.length === 0) return;
    const what = `${operations.length} IPVS operations`;
    const outcomes = await this.#talk(what, 'read', signal, ({ connection, familyId }) => {
      return connection.pipeline(what, encodeOperations(familyId, operations), signal);
    });
    const done: Operation[] = [];
    const failed: FailedOperation[] = [];
    operations.forEach((operation, i) => {
      const outcome = outcomes[i];
      if (outcome === undefined) done.push(operation);
      else {
        const error = ipvsError(formatOperation(operation), operation.kind, outcome);
        failed.push({ operation, error: error as IpvsError });
      }
    });
    if (failed.length > 0) throw new IpvsApplyError(done, failed);
  }

  async getTimeouts(signal: AbortSignal = NEVER): Promise<Timeouts> {
    const ask = { what: 'IPVS timeouts', command: COMMAND.getConfig };
    const values = (await this.#ask(ask, read, signal)) ?? {};
    return {
      tcpSeconds: values.tcpTimeout ?? 0,
      tcpFinSeconds: values.tcpFinTimeout ?? 0,
      udpSeconds: values.udpTimeout ?? 0,
    };
  }

  async setTimeouts(timeouts: Partial<Timeouts>, signal: AbortSignal = NEVER): Promise<void> {
    const checked = (name: keyof Timeouts) =>
      checkedNumber(`IPVS ${name}`, timeouts[name] ?? 0, 0, MAX_TIMEOUT_SECONDS);
    const values = {
      tcpTimeout: checked('tcpSeconds'),
      tcpFinTimeout: checked('tcpFinSeconds'),
      udpTimeout: checked('udpSeconds'),
    };
    const ask = {
      what: 'IPVS timeouts',
      asked: 'config',
      command: COMMAND.setConfig,
      values,
    } as const;
    await this.#ask(ask, read, signal);
  }

  listDaemons(signal: AbortSignal = NEVER): Promise<readonly SyncDaemon[]> {
    const ask = { what: 'IPVS daemons', command: COMMAND.getDaemon };
    const pick = (answer: NetlinkMessage): SyncDaemon | undefined => {
      const { daemon } = read(answer);
      return daemon === undefined ? undefined : decodeDaemon(daemon);
    };
    return this.#dump(ask, pick, signal);
  }

  async startDaemon(daemon: SyncDaemon, signal: AbortSignal = NEVER): Promise<void> {
    const what = `IPVS ${daemon.role} daemon on ${daemon.interface}`;
    checkedNumber(`${what}: syncId`, daemon.syncId, 0, 255);
    const values = { daemon: daemonAttrs(daemon) };
    await this.#ask({ what, asked: 'daemon', command: COMMAND.newDaemon, values }, read, signal);
  }

  async stopDaemon(role: SyncDaemon['role'], signal: AbortSignal = NEVER): Promise<void> {
    const what = `IPVS ${role} daemon`;
    const [refused] = await this.#talk(what, 'daemon', signal, ({ connection, familyId }) => {
      const values = { daemon: daemonRoleAttrs(role) };
      const stop = encodeCommand(familyId, COMMAND.deleteDaemon, values);
      return connection.pipeline(what, [stop, FENCE], signal);
    });
    if (refused !== undefined) throw ipvsError(what, 'daemon', refused);
  }

  close(): void {
    this.#isClosed = true;
    this.#drop();
  }

  /**
   * @returns the result of `pick` for the first answer, if there is one before the acknowledgement
   */
  #ask<T>(ask: Ask, pick: (answer: NetlinkMessage) => T, signal: AbortSignal) {
    const { what, asked = 'read', command, values = {} } = ask;
    return this.#talk(what, asked, signal, async ({ connection, familyId }) => {
      const message = encodeCommand(familyId, command, values, FLAG.ack);
      const [answer] = await connection.request(what, message, signal);
      return answer === undefined ? undefined : pick(answer);
    });
  }

  #dump<T>(
    { what, command, values = {} }: Ask,
    pick: (answer: NetlinkMessage) => T | undefined,
    signal: AbortSignal,
  ): Promise<readonly T[]> {
    return this.#talk(what, 'read', signal, ({ connection, familyId }) =>
      connection.dump(what, encodeCommand(familyId, command, values), pick, signal),
    );
  }

  async #talk<T>(
    what: string,
    asked: Asked,
    signal: AbortSignal,
    use: (link: Link) => Promise<T>,
  ): Promise<T> {
    if (this.#isClosed) throw closed();
    const link = (this.#link ??= this.#connect(signal));
    try {
      return await use(await link);
    } catch (error) {
      const isBroken = !isNetlinkError(error, ...HARMLESS);
      if (isBroken && this.#link === link) this.#drop();
      throw ipvsError(what, asked, error);
    }
  }

  /** Closes the connection; the next call makes a new one. */
  #drop(): void {
    this.#link?.then(
      ({ connection }) => connection.close(),
      () => undefined, // the socket was never opened
    );
    this.#link = undefined;
  }

  async #connect(signal: AbortSignal): Promise<Link> {
    const { open, clock } = this.#options;
    const connection = new NetlinkConnection({ socket: await open(), clock });
    try {
      const { id } = await resolveGenericFamily(connection, IPVS_FAMILY.name, signal);
      return { connection, familyId: id };
    } catch (error) {
      connection.close();
      throw error;
    }
  }
}

/** These errors leave the connection usable. */
const HARMLESS = ['NETLINK_REFUSED', 'NETLINK_VALUE', 'NETLINK_INTERRUPTED'] as const;

/** The kernel counts in ticks of up to 1 ms in 31 bits. */
const MAX_TIMEOUT_SECONDS = Math.floor(U32_MAX / 2 / 1000);

function readService(answer: NetlinkMessage): ServiceState | undefined {
  const { service } = read(answer);
  return service === undefined ? undefined : decodeService(service);
}

function closed(): IpvsError {
  return new IpvsError('IPVS_CLOSED', 'IPVS: used after close()');
}

function read(answer: NetlinkMessage): CommandAttrs {
  return decodeGeneric(COMMAND_ATTRS, answer).values;
}
