import { NetfilterError } from '../model/errors.js';
import {
  checkIpsetEntry,
  checkIpsetName,
  type IpsetEntry,
  ipsetEntryText,
  type IpsetSpec,
  type IpsetState,
} from '../model/ipset.js';
import type { Ipset } from '../ports.js';

interface Held {
  readonly spec: IpsetSpec;
  readonly entries: Set<string>;
  references: number;
}

/** Sets in memory, with the kernel's rules. Counts its calls. */
export class MemoryIpset implements Ipset {
  readonly #sets = new Map<string, Held>();
  readonly calls = { list: 0, add: 0, delete: 0 };
  /** Thrown by every call while set. */
  failure: Error | undefined;

  async list(name: string | undefined): Promise<readonly IpsetState[]> {
    this.#enter();
    this.calls.list += 1;
    const held = name === undefined ? [...this.#sets.values()] : [this.#sets.get(name)];
    return held.flatMap((set) => {
      if (set === undefined) return [];
      return [{ spec: set.spec, references: set.references, entries: [...set.entries] }];
    });
  }

  async ensure(specs: readonly IpsetSpec[]): Promise<void> {
    this.#enter();
    for (const { name } of specs) checkIpsetName(name);
    for (const spec of specs) {
      const { name, type, family, maxEntries } = spec;
      const before = this.#sets.get(name)?.spec;
      if (before === undefined) {
        const isBitmap = type === 'bitmap:port';
        const own = isBitmap ? { family: 'IPv4' as const } : { maxEntries: maxEntries ?? 65_536 };
        this.#sets.set(name, { spec: { ...spec, ...own }, entries: new Set(), references: 0 });
        continue;
      }
      const agrees =
        before.type === type &&
        (type === 'bitmap:port' ||
          (before.family === family && before.maxEntries === (maxEntries ?? 65_536)));
      if (!agrees) throw new NetfilterError('NETFILTER_SET_MISMATCH', `${name} is another set`);
    }
  }

  async add(spec: IpsetSpec, entries: readonly IpsetEntry[]): Promise<void> {
    this.#enter();
    this.calls.add += 1;
    for (const entry of entries) checkIpsetEntry(spec, entry);
    const set = this.#held(spec.name);
    let failure: NetfilterError | undefined;
    for (const entry of entries) {
      const text = ipsetEntryText(entry);
      const isFull = set.entries.size >= (set.spec.maxEntries ?? Infinity);
      if (isFull && !set.entries.has(text)) {
        failure ??= new NetfilterError('NETFILTER_SET_FULL', `${spec.name} is full`);
      } else if (entry.ip === '0.0.0.0' || entry.ip === '::') {
        failure ??= new NetfilterError('NETFILTER_SET_ENTRY', `${text}: unspecified`);
      } else set.entries.add(text);
    }
    if (failure !== undefined) throw failure;
  }

  async delete(spec: IpsetSpec, entries: readonly IpsetEntry[]): Promise<void> {
    this.#enter();
    this.calls.delete += 1;
    for (const entry of entries) checkIpsetEntry(spec, entry);
    const set = this.#held(spec.name);
    for (const entry of entries) set.entries.delete(ipsetEntryText(entry));
  }

  async replace(spec: IpsetSpec, entries: readonly IpsetEntry[]): Promise<void> {
    await this.ensure([spec]);
    for (const entry of entries) checkIpsetEntry(spec, entry);
    const set = this.#held(spec.name);
    set.entries.clear();
    await this.add(spec, entries);
  }

  async flush(name: string): Promise<void> {
    this.#enter();
    checkIpsetName(name);
    this.#held(name).entries.clear();
  }

  async destroy(names: readonly string[]): Promise<void> {
    this.#enter();
    for (const name of names) checkIpsetName(name);
    let failure: NetfilterError | undefined;
    for (const name of names) {
      if ((this.#sets.get(name)?.references ?? 0) > 0) {
        failure ??= new NetfilterError('NETFILTER_SET_IN_USE', `${name} is used`);
      } else this.#sets.delete(name);
    }
    if (failure !== undefined) throw failure;
  }

  close(): void {
    this.failure = undefined;
  }

  /** Sets the number of references, as rules that name the set would. */
  refer(name: string, references: number): void {
    this.#held(name).references = references;
  }

  #enter(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  #held(name: string): Held {
    const set = this.#sets.get(name);
    if (set !== undefined) return set;
    throw new NetfilterError('NETFILTER_SET_MISSING', `${name}: the set does not exist`);
  }
}
