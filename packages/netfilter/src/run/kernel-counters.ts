import type { Clock } from '@nodeagent/base';
import {
  errnoNumber,
  FLAG,
  isNetlinkError,
  NetlinkConnection,
  type NetlinkSocket,
} from '@nodeagent/netlink-codec';

import { COUNTER_COMMAND, decodeCounter, encodeCounter } from '../codec/nfacct-attrs.js';
import { NetfilterError } from '../model/errors.js';

/** The way to the kernel's nfnetlink_acct. */
export interface KernelCountersOptions {
  /** A socket of protocol NETLINK_NETFILTER (12), for this object only. */
  readonly socket: NetlinkSocket;
  readonly clock: Clock;
}

/** Totals of 64 bits since the counter was made. */
export interface CounterValue {
  readonly packets: bigint;
  readonly bytes: bigint;
}

/**
 * The kernel's named counters, which rules increase with `-m nfacct --nfacct-name NAME`. A rule can
 * only name an existing counter. Needs a kernel with CONFIG_NETFILTER_NETLINK_ACCT.
 */
export class KernelCounters {
  readonly #connection: NetlinkConnection;

  constructor(options: KernelCountersOptions) {
    this.#connection = new NetlinkConnection(options);
  }

  /**
   * Creates the counter with value 0, unless it exists: an existing one keeps its value.
   *
   * @param name at most 31 bytes
   * @throws {NetfilterError} `NETFILTER_PERMISSION`, `NETFILTER_COUNTERS` when the kernel has no
   * named counters
   */
  async ensure(name: string, signal: AbortSignal): Promise<'created' | 'existed'> {
    const message = encodeCounter(
      COUNTER_COMMAND.new,
      name,
      FLAG.create | FLAG.exclusive | FLAG.ack,
    );
    try {
      await this.#connection.request(`nfacct add ${name}`, message, signal);
      return 'created';
    } catch (error) {
      if (isErrno(error, 'EEXIST')) return 'existed';
      throw counterError(`nfacct add ${name}`, error);
    }
  }

  /**
   * @returns undefined when no counter has this name
   * @throws {NetfilterError} see {@link ensure}
   */
  async read(name: string, signal: AbortSignal): Promise<CounterValue | undefined> {
    const what = `nfacct get ${name}`;
    try {
      const message = encodeCounter(COUNTER_COMMAND.get, name);
      const [answer] = await this.#connection.request(what, message, signal);
      if (answer === undefined) return undefined;
      const { packets = 0n, bytes = 0n } = decodeCounter(answer);
      return { packets, bytes };
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw counterError(what, error);
    }
  }

  /** Fails while rules refer to the counter. */
  async delete(name: string, signal: AbortSignal): Promise<'deleted' | 'absent'> {
    const what = `nfacct delete ${name}`;
    try {
      const message = encodeCounter(COUNTER_COMMAND.delete, name, FLAG.ack);
      await this.#connection.request(what, message, signal);
      return 'deleted';
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return 'absent';
      throw counterError(what, error);
    }
  }

  close(): void {
    this.#connection.close();
  }
}

function isErrno(error: unknown, name: string): boolean {
  return isNetlinkError(error, 'NETLINK_REFUSED') && error.errno === errnoNumber(name);
}

function counterError(what: string, error: unknown): unknown {
  if (!isNetlinkError(error)) return error;
  const isRight = isErrno(error, 'EPERM') || isErrno(error, 'EACCES');
  const code = isRight ? 'NETFILTER_PERMISSION' : 'NETFILTER_COUNTERS';
  return new NetfilterError(code, `${what}: ${error.message}`, { cause: error });
}
