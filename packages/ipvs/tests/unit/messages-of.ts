import { ByteWriter, type OutgoingMessage } from '@nodeagent/netlink-codec';

import { encodeOperations } from '../../src/codec/requests.js';
import type { Operation } from '../../src/index.js';

/** Encodes each operation as a message of its own. */
export function messagesOf(
  familyId: number,
  operations: readonly Operation[],
): readonly OutgoingMessage[] {
  const source = encodeOperations(familyId, operations);
  return operations.map((_, index) => {
    const out = new ByteWriter();
    source.write(out, index);
    return { type: source.typeOf(index), flags: source.flagsOf(index), payload: out.copy() };
  });
}
