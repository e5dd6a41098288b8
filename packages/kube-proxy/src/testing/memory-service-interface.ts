import { familyOf, type IpFamily } from '../model/address.js';
import { ProxyError } from '../model/errors.js';
import type { ServiceInterface } from '../ports.js';

/** The dummy interface in memory, and the addresses of all others. */
export class MemoryServiceInterface implements ServiceInterface {
  /** Undefined while the interface is missing. */
  addresses: Set<string> | undefined;
  readonly #others: readonly string[];

  /** @param others addresses of other interfaces, without loopback and link-local ones */
  constructor(others: readonly string[] = []) {
    this.#others = others;
  }

  async ensure(): Promise<void> {
    this.addresses ??= new Set();
  }

  async list(family: IpFamily): Promise<{ own: readonly string[]; others: readonly string[] }> {
    const ofFamily = (ip: string): boolean => familyOf(ip) === family;
    return {
      own: [...(this.addresses ?? [])].filter(ofFamily),
      others: this.#others.filter(ofFamily),
    };
  }

  async add(addresses: readonly string[]): Promise<void> {
    if (addresses.length === 0) return;
    const held = this.#held();
    for (const ip of addresses) held.add(ip);
  }

  async remove(addresses: readonly string[]): Promise<void> {
    if (addresses.length === 0) return;
    const held = this.#held();
    for (const ip of addresses) held.delete(ip);
  }

  async destroy(): Promise<void> {
    this.addresses = undefined;
  }

  #held(): Set<string> {
    if (this.addresses !== undefined) return this.addresses;
    throw new ProxyError('PROXY_INTERFACE', 'there is no interface');
  }
}
