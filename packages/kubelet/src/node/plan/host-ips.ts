import { isIPv6 } from 'node:net';

import type { Node } from '@nodeagent/kube-client';

/**
 * The node's addresses that its pods report: the first internal address, or the first external one
 * if there is none, followed by the first address of the other family.
 *
 * @see Kubernetes 1.36 pkg/util/node/node.go, GetNodeHostIPs
 */
export function hostIpsOf(node: Node | undefined): readonly string[] {
  const of = (kind: string): readonly string[] =>
    (node?.status?.addresses ?? []).flatMap(({ type, address }) =>
      type === kind ? [address] : [],
    );
  const all = [...of('InternalIP'), ...of('ExternalIP')];
  const [first] = all;
  if (first === undefined) return [];
  const second = all.find((ip) => isIPv6(ip) !== isIPv6(first));
  return second === undefined ? [first] : [first, second];
}
