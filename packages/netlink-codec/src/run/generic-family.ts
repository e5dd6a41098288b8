import { CONTROLLER, CONTROLLER_ATTRS, decodeGeneric, encodeGeneric } from '../codec/generic.js';
import { FLAG } from '../codec/message.js';
import { isRefusal, NetlinkError } from '../model/errors.js';
import type { NetlinkConnection } from './connection.js';

/**
 * A generic netlink family with this kernel's numbers: the kernel assigns ids when it loads
 * modules.
 */
export interface GenericFamily {
  readonly name: string;
  /** The message type of the family's messages. */
  readonly id: number;
  readonly version: number;
  /** Multicast groups by name: numbers for `NetlinkSocket.join`. */
  readonly groups: ReadonlyMap<string, number>;
}

/**
 * Resolves a family by name. The kernel may load the family's module for it.
 *
 * @throws {NetlinkError} `NETLINK_NO_FAMILY` when there is none; otherwise as {@link
 *   NetlinkConnection.request}
 */
export async function resolveGenericFamily(
  connection: NetlinkConnection,
  name: string,
  signal: AbortSignal,
): Promise<GenericFamily> {
  const request = encodeGeneric(
    CONTROLLER,
    { command: CONTROLLER.getFamily, flags: FLAG.request },
    { table: CONTROLLER_ATTRS, values: { name } },
  );
  const what = `generic netlink family ${name}`;
  try {
    const [answer] = await connection.request(what, request, signal);
    const values = answer === undefined ? {} : decodeGeneric(CONTROLLER_ATTRS, answer).values;
    if (values.id === undefined) {
      throw new NetlinkError('NETLINK_MALFORMED', `${what}: the answer names no id`);
    }
    const groups = (values.groups ?? []).flatMap((group) =>
      group.name === undefined || group.id === undefined ? [] : [[group.name, group.id] as const],
    );
    return { name, id: values.id, version: values.version ?? 1, groups: new Map(groups) };
  } catch (error) {
    if (!isRefusal(error, 'ENOENT')) throw error;
    const message = `${what}: this kernel has none; is its module loaded?`;
    throw new NetlinkError('NETLINK_NO_FAMILY', message, { cause: error });
  }
}
