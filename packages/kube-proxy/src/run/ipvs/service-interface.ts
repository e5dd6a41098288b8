import type { Clock } from '@nodeagent/base';
import {
  isNetlinkError,
  isRefusal,
  LastingConnection,
  type NetlinkConnection,
  type NetlinkError,
  type NetlinkSocket,
} from '@nodeagent/netlink-codec';

import {
  decodeLinkAddress,
  decodeLinkIndex,
  encodeAddress,
  encodeDeleteLink,
  encodeGetLink,
  encodeListAddresses,
  encodeNewLink,
  RTM,
} from '../../codec/rtnetlink.js';
import { type IpFamily, isLoopback } from '../../model/address.js';
import { ProxyError } from '../../model/errors.js';
import type { ServiceInterface } from '../../ports.js';

export interface KernelInterfaceOptions {
  /** At most 15 bytes. */
  readonly name: string;
  /** Opens a socket of protocol NETLINK_ROUTE (0). */
  readonly open: () => NetlinkSocket | Promise<NetlinkSocket>;
  readonly clock: Clock;
}

/** The dummy interface over rtnetlink, many addresses per system call. */
export class KernelServiceInterface implements ServiceInterface {
  readonly #options: KernelInterfaceOptions;
  readonly #connection: LastingConnection;

  constructor(options: KernelInterfaceOptions) {
    this.#options = options;
    this.#connection = new LastingConnection(options);
  }

  async ensure(signal: AbortSignal): Promise<void> {
    if ((await this.#index(signal)) !== undefined) return;
    const { name } = this.#options;
    await this.#talk(`making interface ${name}`, async (connection, what) => {
      try {
        await connection.request(what, encodeNewLink(name, 'dummy'), signal);
      } catch (error) {
        if (!isRefusal(error, 'EEXIST')) throw error; // the other family's proxy created it first
      }
    });
  }

  async list(
    family: IpFamily,
    signal: AbortSignal,
  ): Promise<{ own: readonly string[]; others: readonly string[] }> {
    const index = await this.#index(signal);
    const all = await this.#talk(`listing ${family} addresses`, (connection, what) =>
      connection.dump(what, encodeListAddresses(family), decodeLinkAddress, signal),
    );
    const own = all.filter(({ linkIndex }) => linkIndex === index);
    const others = all.filter(
      ({ linkIndex, ip, isLinkLocal }) => linkIndex !== index && !isLoopback(ip) && !isLinkLocal,
    );
    return {
      own: own.filter(({ isLinkLocal }) => !isLinkLocal).map(({ ip }) => ip),
      others: [...new Set(others.map(({ ip }) => ip))],
    };
  }

  add(addresses: readonly string[], signal: AbortSignal): Promise<void> {
    return this.#change(RTM.newAddress, addresses, { signal, harmless: ['EEXIST'] });
  }

  remove(addresses: readonly string[], signal: AbortSignal): Promise<void> {
    return this.#change(RTM.deleteAddress, addresses, {
      signal,
      harmless: ['EADDRNOTAVAIL', 'ENXIO'],
    });
  }

  async destroy(signal: AbortSignal): Promise<void> {
    if ((await this.#index(signal)) === undefined) return;
    const { name } = this.#options;
    await this.#talk(`deleting interface ${name}`, (connection, what) =>
      connection.request(what, encodeDeleteLink(name), signal),
    );
  }

  close(): void {
    this.#connection.close();
  }

  async #change(
    type: typeof RTM.newAddress | typeof RTM.deleteAddress,
    addresses: readonly string[],
    { signal, harmless }: Readonly<{ signal: AbortSignal; harmless: readonly string[] }>,
  ): Promise<void> {
    if (addresses.length === 0) return;
    const { name } = this.#options;
    const index = await this.#index(signal);
    if (index === undefined) {
      throw new ProxyError('PROXY_INTERFACE', `there is no interface ${name}`);
    }
    const messages = addresses.map((ip) => encodeAddress(type, index, ip));
    const verb = type === RTM.newAddress ? 'adding' : 'removing';
    await this.#talk(`${verb} addresses of ${name}`, async (connection, what) => {
      const outcomes = await connection.pipeline(what, messages, signal);
      const failed = outcomes.findIndex(
        (error) => error !== undefined && !isRefusal(error, ...harmless),
      );
      if (failed === -1) return;
      const { message } = outcomes[failed] as NetlinkError;
      const text = `${verb} ${addresses[failed]}: ${message}`;
      throw new ProxyError('PROXY_INTERFACE', text, { cause: outcomes[failed] });
    });
  }

  #index(signal: AbortSignal): Promise<number | undefined> {
    const { name } = this.#options;
    return this.#talk(`looking for interface ${name}`, async (connection, what) => {
      try {
        const [answer] = await connection.request(what, encodeGetLink(name), signal);
        return answer === undefined ? undefined : decodeLinkIndex(answer);
      } catch (error) {
        if (isRefusal(error, 'ENODEV')) return undefined;
        throw error;
      }
    });
  }

  async #talk<T>(
    what: string,
    use: (connection: NetlinkConnection, what: string) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#connection.use((connection) => use(connection, what));
    } catch (error) {
      if (!isNetlinkError(error)) throw error;
      const needed = isRefusal(error, 'EPERM') ? ' (CAP_NET_ADMIN is needed)' : '';
      const missing = isRefusal(error, 'EOPNOTSUPP') ? ' (modprobe dummy)' : '';
      const text = `${error.message}${needed}${missing}`;
      throw new ProxyError('PROXY_INTERFACE', text, { cause: error });
    }
  }
}
