import type { Clock } from '@nodeagent/base';
import {
  errnoNumber,
  isNetlinkError,
  isRefusal,
  LastingConnection,
  type NetlinkConnection,
  type NetlinkMessage,
  type NetlinkSocket,
} from '@nodeagent/netlink-codec';

import { decodeFlow, encodeFlowDelete, encodeFlowDump } from '../codec/conntrack-attrs.js';
import { type Flow, type FlowQuery, matchesFlow } from '../model/conntrack.js';
import { NetfilterError, type NetfilterErrorCode } from '../model/errors.js';
import type { IpFamily } from '../model/iptables.js';
import type { Conntrack } from '../ports.js';

/** A family and the ways to the kernel. */
export interface KernelConntrackOptions {
  readonly family: IpFamily;
  /** Opens a socket of protocol NETLINK_NETFILTER (12); called on first use. */
  readonly open: () => NetlinkSocket | Promise<NetlinkSocket>;
  readonly clock: Clock;
}

const GONE = errnoNumber('ENOENT');

/**
 * The connection tracking table over netlink. The kernel selects by protocol and addresses while it
 * walks the table (from Linux 5.8; older kernels send everything, and this class filters). Each
 * deletion names one entry.
 */
export class KernelConntrack implements Conntrack {
  readonly #options: KernelConntrackOptions;
  readonly #connection: LastingConnection;
  #hasFilter = true;

  constructor(options: KernelConntrackOptions) {
    this.#options = options;
    this.#connection = new LastingConnection(options);
  }

  async list(query: FlowQuery, signal: AbortSignal): Promise<readonly Flow[]> {
    const what = `conntrack list ${query.protocol}`;
    const read = (message: NetlinkMessage): Flow | undefined => {
      const flow = decodeFlow(message);
      return flow !== undefined && matchesFlow(flow, query) ? flow : undefined;
    };
    return this.#talk(what, async (connection) => {
      const { family } = this.#options;
      const dump = (filtered: boolean): Promise<readonly Flow[]> =>
        connection.dump(what, encodeFlowDump(family, query, filtered), read, signal);
      if (!this.#hasFilter) return dump(false);
      try {
        return await dump(true);
      } catch (error) {
        if (!isRefusal(error, 'EINVAL') && !isRefusal(error, 'EOPNOTSUPP')) throw error;
        const flows = await dump(false);
        this.#hasFilter = false; // the kernel did not accept the filter
        return flows;
      }
    });
  }

  async delete(flows: readonly Flow[], signal: AbortSignal): Promise<number> {
    if (flows.length === 0) return 0;
    const what = 'conntrack delete';
    return this.#talk(what, async (connection) => {
      const { family } = this.#options;
      const messages = flows.map((flow) => encodeFlowDelete(family, flow));
      const outcomes = await connection.pipeline(what, messages, signal);
      // these flows ended meanwhile, and others may have taken their place
      for (const outcome of outcomes) {
        if (outcome !== undefined && outcome.errno !== GONE) throw outcome;
      }
      return outcomes.filter((error) => error === undefined).length;
    });
  }

  close(): void {
    this.#connection.close();
  }

  async #talk<T>(what: string, use: (connection: NetlinkConnection) => Promise<T>): Promise<T> {
    try {
      return await this.#connection.use(use);
    } catch (error) {
      throw conntrackError(what, error);
    }
  }
}

type Meaning = readonly [code: NetfilterErrorCode, why: string];

const PERMISSION: Meaning = ['NETFILTER_PERMISSION', 'CAP_NET_ADMIN is needed'];
const UNSUPPORTED: Meaning = [
  'NETFILTER_UNSUPPORTED',
  'the kernel does not know the request; was it built with CONFIG_NF_CT_NETLINK?',
];
const MEANINGS = new Map<number | undefined, Meaning>([
  [errnoNumber('EPERM'), PERMISSION],
  [errnoNumber('EACCES'), PERMISSION],
  [errnoNumber('EINVAL'), UNSUPPORTED],
  [errnoNumber('EOPNOTSUPP'), UNSUPPORTED],
]);

/** Turns a refusal of the kernel into a NetfilterError; passes other errors on. */
function conntrackError(what: string, error: unknown): unknown {
  if (!isNetlinkError(error, 'NETLINK_REFUSED')) return error;
  const [code, why] = MEANINGS.get(error.errno) ?? ['NETFILTER_COMMAND_FAILED', error.message];
  return new NetfilterError(code, `${what}: ${why}`, { cause: error });
}
