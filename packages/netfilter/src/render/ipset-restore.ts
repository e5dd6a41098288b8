import { type IpsetEntry, ipsetEntryText, type IpsetSpec } from '../model/ipset.js';

/** A set with all of its entries. */
export interface IpsetContent {
  readonly spec: IpsetSpec;
  readonly entries: readonly IpsetEntry[];
}

/**
 * Renders input for `ipset restore -exist` that creates the sets and adds their entries. One line
 * per entry.
 */
export function renderIpsetRestore(sets: readonly IpsetContent[]): string {
  const lines = sets.flatMap(({ spec, entries }) => [
    renderIpsetCreate(spec),
    ...entries.map((entry) => `add ${spec.name} ${ipsetEntryText(entry)}`),
  ]);
  return lines.map((line) => `${line}\n`).join('');
}

/** `create NAME hash:ip,port family inet hashsize 1024 maxelem 65536` */
export function renderIpsetCreate({ name, type, family, maxEntries = 65_536 }: IpsetSpec): string {
  if (type === 'bitmap:port') return `create ${name} ${type} range 0-65535`;
  const inet = family === 'IPv4' ? 'inet' : 'inet6';
  return `create ${name} ${type} family ${inet} hashsize 1024 maxelem ${maxEntries}`;
}
