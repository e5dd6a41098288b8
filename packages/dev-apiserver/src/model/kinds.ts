import type { Kind } from './kind.js';
import { KINDS } from './kind-table.js';

const BY_PATH = new Map(
  KINDS.map((kind) => [`${kind.group}/${kind.version}/${kind.plural}`, kind] as const),
);

export function findKind(group: string, version: string, plural: string): Kind | undefined {
  return BY_PATH.get(`${group}/${version}/${plural}`);
}

/** Returns a kind that a part of the server needs itself; a missing one is a bug in the table. */
export function kindOf(group: string, plural: string): Kind {
  const found = KINDS.find((kind) => kind.group === group && kind.plural === plural);
  if (found === undefined) throw new TypeError(`no kind ${plural}.${group} in the table`);
  return found;
}

export function apiVersionOf({ group, version }: Pick<Kind, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}
