import { type Endpoint, endpointText, has, type Slice, TERMINATING } from '../model/endpoint.js';
import type { ServicePort } from '../model/service.js';

/**
 * The endpoints of one Service port over all its slices, sorted by their text bytewise, each
 * address once: a live pod that got the address of a terminating one wins.
 *
 * @see Kubernetes 1.36 pkg/proxy/endpointslicecache.go
 */
export function collectEndpoints(
  slices: Iterable<Slice>,
  { portName, protocol }: Pick<ServicePort, 'portName' | 'protocol'>,
): readonly Endpoint[] {
  const found = new Map<string, Endpoint>();
  for (const slice of slices) {
    for (const { name, port, protocol: sliceProtocol } of slice.ports) {
      if (name !== portName || sliceProtocol !== protocol) continue;
      for (const [i, ip] of slice.ips.entries()) {
        const endpoint = { ip, port, state: slice.states[i] ?? 0, hints: slice.hints?.[i] };
        const key = endpointText(endpoint);
        if (found.has(key) && has(endpoint, TERMINATING)) continue;
        found.set(key, endpoint);
      }
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
}
