import type { Clock } from '@nodeagent/base';
import {
  LastingConnection,
  type NetlinkConnection,
  type NetlinkSocket,
  type OutgoingMessage,
} from '@nodeagent/netlink-codec';

import {
  decodeEntry,
  decodeIpset,
  decodeSpec,
  encodeCreate,
  encodeEntries,
  encodeIpset,
  IPSET_COMMAND,
  type IpsetAttrs,
} from '../codec/ipset-attrs.js';
import { ipsetError } from '../codec/ipset-refusals.js';
import { isNetfilterError, NetfilterError } from '../model/errors.js';
import {
  checkIpsetEntry,
  checkIpsetName,
  type IpsetEntry,
  ipsetEntryText,
  type IpsetSpec,
  type IpsetState,
} from '../model/ipset.js';
import type { Ipset } from '../ports.js';

/** The way to the kernel's ip_set. */
export interface KernelIpsetOptions {
  /** Opens a socket of protocol NETLINK_NETFILTER (12). */
  readonly open: () => NetlinkSocket | Promise<NetlinkSocket>;
  readonly clock: Clock;
}

/** Maximum number of entries in one message: the length of its nested attribute has 16 bits. */
const ENTRIES_PER_MESSAGE = 500;

/** The kernel's sets over netlink, many changes per system call. */
export class KernelIpset implements Ipset {
  readonly #connection: LastingConnection;

  constructor(options: KernelIpsetOptions) {
    this.#connection = new LastingConnection(options);
  }

  async list(name: string | undefined, signal: AbortSignal): Promise<readonly IpsetState[]> {
    const what = name === undefined ? 'ipset list' : `ipset list ${name}`;
    const message = encodeIpset(IPSET_COMMAND.list, { name });
    const parts = await this.#talk(what, (connection) =>
      connection.dump(what, message, decodeIpset, signal),
    ).catch((error: unknown) => {
      if (isNetfilterError(error, 'NETFILTER_SET_MISSING')) return [];
      throw error;
    });
    return assemble(parts);
  }

  async ensure(specs: readonly IpsetSpec[], signal: AbortSignal): Promise<void> {
    for (const { name } of specs) checkIpsetName(name);
    await this.#send(
      specs.map((spec) => [`ipset create ${spec.name} ${spec.type}`, encodeCreate(spec)]),
      signal,
    );
  }

  add(spec: IpsetSpec, entries: readonly IpsetEntry[], signal: AbortSignal): Promise<void> {
    return this.#change('add', spec, entries, signal);
  }

  delete(spec: IpsetSpec, entries: readonly IpsetEntry[], signal: AbortSignal): Promise<void> {
    return this.#change('delete', spec, entries, signal);
  }

  async replace(
    spec: IpsetSpec,
    entries: readonly IpsetEntry[],
    signal: AbortSignal,
  ): Promise<void> {
    const scratch = { ...spec, name: `${spec.name.slice(0, 27)}-new` };
    await this.ensure([spec, scratch], signal);
    await this.flush(scratch.name, signal);
    try {
      await this.add(scratch, entries, signal);
      const swap = encodeIpset(IPSET_COMMAND.swap, { name: scratch.name, typeName: spec.name });
      await this.#send([[`ipset swap ${scratch.name} ${spec.name}`, swap]], signal);
    } finally {
      await this.destroy([scratch.name], signal);
    }
  }

  async flush(name: string, signal: AbortSignal): Promise<void> {
    checkIpsetName(name); // without a name all sets would be flushed
    await this.#send([[`ipset flush ${name}`, encodeIpset(IPSET_COMMAND.flush, { name })]], signal);
  }

  async destroy(names: readonly string[], signal: AbortSignal): Promise<void> {
    for (const name of names) checkIpsetName(name); // the same
    await this.#send(
      names.map((name) => [`ipset destroy ${name}`, encodeIpset(IPSET_COMMAND.destroy, { name })]),
      signal,
    );
  }

  close(): void {
    this.#connection.close();
  }

  async #change(
    kind: 'add' | 'delete',
    spec: IpsetSpec,
    entries: readonly IpsetEntry[],
    signal: AbortSignal,
  ): Promise<void> {
    for (const entry of entries) checkIpsetEntry(spec, entry);
    const command = IPSET_COMMAND[kind];
    const parts = Array.from({ length: Math.ceil(entries.length / ENTRIES_PER_MESSAGE) }, (_, i) =>
      entries.slice(i * ENTRIES_PER_MESSAGE, (i + 1) * ENTRIES_PER_MESSAGE),
    );
    const what = `ipset ${kind} ${spec.name}`;
    const messages = parts.map((part) => encodeEntries(command, spec, part));
    const outcomes = await this.#talk(what, (connection) =>
      connection.pipeline(what, messages, signal),
    );
    // a message stops at its first bad entry: each remaining entry gets a message of its own
    const left = parts.filter((_, i) => outcomes[i] !== undefined).flat();
    await this.#send(
      left.map((entry) => [
        `${what} ${ipsetEntryText(entry)}`,
        encodeEntries(command, spec, [entry]),
      ]),
      signal,
    );
  }

  /**
   * @throws the first refusal, after everything else is done; the message gives the number of
   * refusals
   */
  async #send(
    requests: readonly (readonly [what: string, message: OutgoingMessage])[],
    signal: AbortSignal,
  ): Promise<void> {
    if (requests.length === 0) return;
    const outcomes = await this.#talk('ipset', (connection) =>
      connection.pipeline(
        'ipset',
        requests.map(([, message]) => message),
        signal,
      ),
    );
    const errors = outcomes.flatMap((outcome, i) =>
      outcome === undefined ? [] : [ipsetError(requests[i]?.[0] ?? 'ipset', outcome) as Error],
    );
    const [first] = errors;
    if (first === undefined) return;
    if (errors.length === 1 || !(first instanceof NetfilterError)) throw first;
    const text = `${first.message}; ${errors.length - 1} more of ${requests.length} failed`;
    throw new NetfilterError(first.code, text, { cause: new AggregateError(errors) });
  }

  async #talk<T>(what: string, use: (connection: NetlinkConnection) => Promise<T>): Promise<T> {
    try {
      return await this.#connection.use(use);
    } catch (error) {
      throw ipsetError(what, error);
    }
  }
}

/** Joins the messages about each set; skips sets of types unknown to this package. */
function assemble(parts: readonly IpsetAttrs[]): readonly IpsetState[] {
  const sets = new Map<string, { spec: IpsetSpec; references: number; entries: string[] }>();
  for (const part of parts) {
    const spec = decodeSpec(part);
    if (spec !== undefined) {
      sets.set(spec.name, { spec, references: part.create?.references ?? 0, entries: [] });
    }
    const set = sets.get(part.name ?? '');
    if (set === undefined) continue;
    for (const entry of part.entries ?? []) set.entries.push(decodeEntry(entry));
  }
  return [...sets.values()];
}
