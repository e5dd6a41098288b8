import type { Clock } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';

import { openUnixStream } from './adapters/unix-stream.js';
import { socketPaths } from './codec/address.js';
import { DbusError } from './model/errors.js';
import type { DbusEndpoint } from './ports.js';
import type { DbusLimits } from './run/connection.js';
import { LastingDbus } from './run/lasting-dbus.js';

const SYSTEM_BUS = 'unix:path=/run/dbus/system_bus_socket';

/** The address of a bus, or of one program's own socket. */
export interface UnixBusOptions extends DbusLimits {
  /** The system's clocks when absent. */
  readonly clock?: Clock;
  /** The bus's address; `DBUS_SYSTEM_BUS_ADDRESS` of the environment, or the usual one, when absent. */
  readonly address?: string | undefined;
  /** A program's own socket, for the times when there is no bus: `/run/systemd/private`. */
  readonly privateSocket?: string | undefined;
}

/**
 * The bus of this machine, or the private socket of one program where there is no bus.
 *
 * @example
 * ```typescript
 * import { openBus } from '@nodeagent/dbus/unix';
 *
 * const bus = openBus();
 * const [state] = await bus.call({
 *   destination: 'org.freedesktop.systemd1',
 *   path: '/org/freedesktop/systemd1',
 *   interface: 'org.freedesktop.DBus.Properties',
 *   member: 'Get',
 *   signature: 'ss',
 *   body: ['org.freedesktop.systemd1.Manager', 'SystemState'],
 * });
 * console.log(state);
 * bus.close();
 * ```
 */
export function openBus({
  clock = createSystemClock(),
  address,
  privateSocket,
  ...limits
}: UnixBusOptions = {}): LastingDbus {
  return new LastingDbus({
    ...limits,
    clock,
    open: () => openEndpoint(address ?? process.env['DBUS_SYSTEM_BUS_ADDRESS'], privateSocket),
  });
}

async function openEndpoint(
  address: string | undefined,
  privateSocket: string | undefined,
): Promise<DbusEndpoint> {
  const uid = process.getuid?.() ?? 0;
  const candidates = [
    ...socketPaths(address ?? SYSTEM_BUS).map((path) => ({ path, isBus: true })),
    ...(privateSocket === undefined ? [] : [{ path: privateSocket, isBus: false }]),
  ];
  const errors: unknown[] = [];
  for (const { path, isBus } of candidates) {
    try {
      return { stream: await openUnixStream(path), isBus, uid };
    } catch (error) {
      errors.push(error);
    }
  }
  const why = errors.map((error) => (error instanceof Error ? error.message : String(error)));
  const message = why.length === 0 ? 'the address names no Unix socket' : why.join('; ');
  throw new DbusError('DBUS_UNREACHABLE', message, { cause: errors[0] });
}
