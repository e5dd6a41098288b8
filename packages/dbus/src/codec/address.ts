/**
 * Paths of the Unix sockets that an address of D-Bus lists, in its order; other transports are left
 * out. A path that starts with a zero is in the kernel's own name space.
 *
 * @param text `unix:path=/run/dbus/system_bus_socket;unix:abstract=/tmp/bus`
 * @see D-Bus Specification, Server Addresses
 */
export function socketPaths(text: string): readonly string[] {
  return text.split(';').flatMap((address) => {
    const [transport, pairs = ''] = address.split(':', 2);
    if (transport !== 'unix') return [];
    for (const pair of pairs.split(',')) {
      const [key, value = ''] = pair.split('=', 2);
      const path = unescape(value);
      if (path === undefined || path === '') continue;
      if (key === 'path') return [path];
      if (key === 'abstract') return [`\0${path}`];
    }
    return [];
  });
}

function unescape(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined; // an escape that is none
  }
}
