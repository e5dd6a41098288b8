import { type Ipset, type IpsetEntry, ipsetEntryText } from '@nodeagent/netfilter/ipset';

import type { IpFamily } from '../../model/address.js';
import { SET_IDS, type SetId, setName, setSpec } from '../../plan/ipvs/sets.js';

type Wanted = Readonly<Record<SetId, ReadonlyMap<string, IpsetEntry>>>;

/**
 * Keeps one family's sets equal to the desired ones. New entries are added before rules and virtual
 * servers need them; old ones are removed after they are unused. Remembers what it wrote.
 */
export class SetMirror {
  readonly #ipset: Ipset;
  readonly #family: IpFamily;
  /** Entries in the kernel, by set; undefined when not known. */
  #held: Map<SetId, Set<string>> | undefined;

  constructor(ipset: Ipset, family: IpFamily) {
    this.#ipset = ipset;
    this.#family = family;
  }

  /** Makes the next call read the kernel again. */
  forget(): void {
    this.#held = undefined;
  }

  async addNew(wanted: Wanted, signal: AbortSignal): Promise<void> {
    const held = (this.#held ??= await this.#read(signal));
    this.#held = undefined; // until the result is known
    for (const id of SET_IDS) {
      const has = held.get(id) ?? new Set();
      const missing = [...wanted[id]].filter(([text]) => !has.has(text));
      if (missing.length === 0) continue;
      const entries = missing.map(([, entry]) => entry);
      await this.#ipset.add(setSpec(id, this.#family), entries, signal);
      held.set(id, new Set([...has, ...missing.map(([text]) => text)]));
    }
    this.#held = held;
  }

  async deleteOld(wanted: Wanted, signal: AbortSignal): Promise<void> {
    const held = (this.#held ??= await this.#read(signal));
    this.#held = undefined;
    for (const id of SET_IDS) {
      const stale = [...(held.get(id) ?? [])].filter((text) => !wanted[id].has(text));
      if (stale.length === 0) continue;
      await this.#ipset.delete(setSpec(id, this.#family), stale.map(parseEntry), signal);
      held.set(id, new Set(wanted[id].keys()));
    }
    this.#held = held;
  }

  /** One listing, however many sets and entries there are. */
  async #read(signal: AbortSignal): Promise<Map<SetId, Set<string>>> {
    const specs = SET_IDS.map((id) => setSpec(id, this.#family));
    await this.#ipset.ensure(specs, signal);
    const states = await this.#ipset.list(undefined, signal);
    const byName = new Map(states.map((state) => [state.spec.name, state.entries]));
    return new Map(SET_IDS.map((id) => [id, new Set(byName.get(setName(id, this.#family)) ?? [])]));
  }
}

/** The reverse of `ipsetEntryText`. */
function parseEntry(text: string): IpsetEntry {
  const [first = '', middle, second] = text.split(',');
  if (/^\d+$/.test(first)) return { port: Number(first) };
  if (middle === undefined) return { ip: first };
  const [protocol, port] = middle.split(':');
  const entry = { ip: first, protocol: protocol as 'tcp', port: Number(port) };
  const result = second === undefined ? entry : { ...entry, second };
  if (ipsetEntryText(result) !== text) throw new Error(`cannot read the set entry "${text}"`);
  return result;
}
