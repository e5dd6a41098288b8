import type { AnyMethod, MethodTable, ServiceOf } from '../model/method.js';
import type { Channel, WireMethod } from './channel.js';

/**
 * The functions of a service, as calls on a channel.
 *
 * @param deadlineMs of each call and stream; undefined for none
 */
export function createServiceClient<Table extends MethodTable>(
  channel: Channel,
  table: Table,
  deadlineMs: number | undefined,
): ServiceOf<Table> {
  const functions = Object.entries(table).map(([name, method]) => {
    const wire = wireMethod(method);
    const call = (request: object, signal: AbortSignal): unknown =>
      method.kind === 'unary'
        ? channel.call(wire, { request, deadlineMs }, signal)
        : channel.stream(wire, { request, deadlineMs }, signal);
    return [name, call] as const;
  });
  return Object.fromEntries(functions) as unknown as ServiceOf<Table>; // the table gave each its type
}

function wireMethod({ name, request, reply }: AnyMethod): WireMethod<object, unknown> {
  return {
    name,
    path: `/${name}`,
    serialize: (value) => request.encode(value),
    deserialize: (bytes) => reply.decode(bytes),
  };
}
