import { type Endpoint, endpointText, has, type Slice, TERMINATING } from '../model/endpoint.js';
import type { ServicePort } from '../model/service.js';

/**
 * Collects the endpoints of one Service port from all its slices, sorted bytewise by their text,
 * each address once: a live pod that got the address of a terminating one wins.
 *
 * @see Kubernetes 1.36 pkg/proxy/endpointslicecache.go
 */
export function collectEndpoints(
  slices: Iterable<Slice>,
  { portName, protocol }: Pick<ServicePort, 'portName' | 'protocol'>,
): readonly Endpoint[] {
  const found: { readonly text: string; readonly endpoint: Endpoint }[] = [];
  for (const slice of slices) {
    for (const { name, port, protocol: sliceProtocol } of slice.ports) {
      if (name !== portName || sliceProtocol !== protocol) continue;
      slice.ips.forEach((ip, i) => {
        const endpoint = { ip, port, state: slice.states[i] ?? 0, hints: slice.hints?.[i] };
        found.push({ text: endpointText(endpoint), endpoint });
      });
    }
  }
  // a stable sort: among equal ones the first stays first
  found.sort((a, b) => (a.text < b.text ? -1 : a.text === b.text ? 0 : 1));
  const endpoints: Endpoint[] = [];
  let last = '';
  for (const { text, endpoint } of found) {
    if (text !== last) endpoints.push(endpoint);
    else if (!has(endpoint, TERMINATING)) endpoints[endpoints.length - 1] = endpoint;
    last = text;
  }
  return endpoints;
}
