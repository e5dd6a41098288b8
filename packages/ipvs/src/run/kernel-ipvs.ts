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
import { type Asked, ipvsError } from '../codec/refusals.js';
import { encodeCommand, encodeOperation } from '../codec/requests.js';
import { decodeService, serviceIdAttrs } from '../codec/service-attrs.js';
import { type FailedOperation, IpvsApplyError } from '../model/apply-error.js';
import { IpvsError, isIpvsError } from '../model/errors.js';
import { checkedNumber, U32_MAX } from '../model/limits.js';
import { formatOperation, type Operation } from '../model/operation.js';
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
 * Asks for nothing, and is acknowledged. A daemon that is stopped before its thread first ran ends
 * with EINTR, and the kernel never answers a request that ends so; what follows it is answered.
 *
 * @see Linux kernel/kthread.c (kthread), net/netlink/af_netlink.c (netlink_rcv_skb)
 */
const FENCE: OutgoingMessage = { type: MESSAGE.noop, flags: 0, payload: Buffer.alloc(0) };

export interface KernelIpvsOptions {
  /** Sockets of the generic netlink protocol (16). */
  readonly open: () => NetlinkSocket | Promise<NetlinkSocket>;
  readonly clock: Clock;
}

interface Link {
  readonly connection: NetlinkConnection;
  readonly familyId: number;
}

const NEVER = new AbortController().signal;

/** The kernel's IPVS over generic netlink; a connection that broke is replaced at the next call. */
export class KernelIpvs implements Ipvs {
  readonly #options: KernelIpvsOptions;
  #link: Promise<Link> | undefined;
  #isClosed = false;

  constructor(options: KernelIpvsOptions) {
    this.#options = options;
  }

  async info(signal: AbortSignal = NEVER): Promise<IpvsInfo> {
    const [answer] = await this.#ask('IPVS info', 'read', COMMAND.getInfo, {}, signal);
    const { version, connectionTableSize = 0 } =
      answer === undefined ? {} : decodeGeneric(INFO_ATTRS, answer).values;
    if (version === undefined) throw new IpvsError('IPVS_PROTOCOL', 'IPVS info: no version');
    const parts = [16, 8, 0].map((shift) => (version >>> shift) & 0xff);
    return { version: parts.join('.'), connectionTableSize };
  }

  listServices(signal: AbortSignal = NEVER): Promise<readonly ServiceState[]> {
    return this.#dump('IPVS services', COMMAND.getService, {}, signal, ({ service }) =>
      service === undefined ? undefined : decodeService(service),
    );
  }

  async getService(id: ServiceId, signal: AbortSignal = NEVER): Promise<ServiceState | undefined> {
    const what = `IPVS service ${formatServiceId(id)}`;
    const values = { service: serviceIdAttrs(id) };
    try {
      const [answer] = await this.#ask(what, 'read', COMMAND.getService, values, signal);
      const { service } = answer === undefined ? {} : read(answer);
      return service === undefined ? undefined : decodeService(service);
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
    const values = { service: serviceIdAttrs(id) };
    const found = await this.#dump(what, COMMAND.getDestination, values, signal, (answer) =>
      answer.destination === undefined ? undefined : decodeDestination(answer.destination, family),
    );
    // the kernel lists nothing, without complaint, for a service that it does not have
    if (found.length === 0 && (await this.getService(id, signal)) === undefined) {
      throw new IpvsError('IPVS_SERVICE_MISSING', `${what}: there is no such service`);
    }
    return found;
  }

  async apply(operations: readonly Operation[], signal: AbortSignal = NEVER): Promise<void> {
    if (operations.length === 0) return;
    const what = `${operations.length} IPVS operations`;
    const outcomes = await this.#talk(what, 'read', signal, ({ connection, familyId }) => {
      const messages = operations.map((operation) => encodeOperation(familyId, operation));
      return connection.pipeline(what, messages, signal);
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
    const [answer] = await this.#ask('IPVS timeouts', 'read', COMMAND.getConfig, {}, signal);
    const values = answer === undefined ? {} : read(answer);
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
    await this.#ask('IPVS timeouts', 'config', COMMAND.setConfig, values, signal);
  }

  listDaemons(signal: AbortSignal = NEVER): Promise<readonly SyncDaemon[]> {
    return this.#dump('IPVS daemons', COMMAND.getDaemon, {}, signal, ({ daemon }) =>
      daemon === undefined ? undefined : decodeDaemon(daemon),
    );
  }

  async startDaemon(daemon: SyncDaemon, signal: AbortSignal = NEVER): Promise<void> {
    const what = `IPVS ${daemon.role} daemon on ${daemon.interface}`;
    checkedNumber(`${what}: syncId`, daemon.syncId, 0, 255);
    await this.#ask(what, 'daemon', COMMAND.newDaemon, { daemon: daemonAttrs(daemon) }, signal);
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

  /** @returns the answers before the acknowledgement */
  #ask(
    what: string,
    asked: Asked,
    command: number,
    values: CommandAttrs,
    signal: AbortSignal,
  ): Promise<readonly NetlinkMessage[]> {
    return this.#talk(what, asked, signal, ({ connection, familyId }) =>
      connection.request(what, encodeCommand(familyId, command, values, FLAG.ack), signal),
    );
  }

  #dump<T>(
    what: string,
    command: number,
    values: CommandAttrs,
    signal: AbortSignal,
    pick: (values: CommandAttrs) => T | undefined,
  ): Promise<readonly T[]> {
    return this.#talk(what, 'read', signal, ({ connection, familyId }) => {
      const message = encodeCommand(familyId, command, values);
      return connection.dump(what, message, (answer) => pick(read(answer)), signal);
    });
  }

  async #talk<T>(
    what: string,
    asked: Asked,
    signal: AbortSignal,
    use: (link: Link) => Promise<T>,
  ): Promise<T> {
    if (this.#isClosed) throw new IpvsError('IPVS_CLOSED', 'IPVS: used after close()');
    const link = (this.#link ??= this.#connect(signal));
    try {
      return await use(await link);
    } catch (error) {
      const isBroken = !isNetlinkError(error, ...HARMLESS);
      if (isBroken && this.#link === link) this.#drop();
      throw ipvsError(what, asked, error);
    }
  }

  /** The next call makes a new connection. */
  #drop(): void {
    this.#link?.then(
      ({ connection }) => connection.close(),
      () => undefined, // never opened
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

/** After these the connection is as good as before. */
const HARMLESS = ['NETLINK_REFUSED', 'NETLINK_VALUE', 'NETLINK_INTERRUPTED'] as const;

/** The kernel counts in ticks of up to 1 ms in 31 bits. */
const MAX_TIMEOUT_SECONDS = Math.floor(U32_MAX / 2 / 1000);

function read(answer: NetlinkMessage): CommandAttrs {
  return decodeGeneric(COMMAND_ATTRS, answer).values;
}
