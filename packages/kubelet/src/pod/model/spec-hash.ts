import type { Container } from '@nodeagent/kube-client';

import { fnv1a32 } from './fnv.js';

/**
 * The hash that a container carries in its runtime annotation `io.kubernetes.container.hash`: only
 * a change of the image or the name makes a running container outdated. Kept bit for bit as the
 * kubelet computes it, so that containers survive an exchange of the agent.
 *
 * FNV-1a, 32 bits, over the printed form of the JSON bytes; lower-case hex without padding.
 *
 * @see Kubernetes 1.36 pkg/kubelet/container/helpers.go, HashContainer
 */
export function containerSpecHash(container: Pick<Container, 'name' | 'image'>): string {
  const json = goJson({ image: container.image ?? '', name: container.name });
  return fnv1a32(`([]uint8)[${[...Buffer.from(json)].join(' ')}]`).toString(16);
}

/** Go escapes what HTML could misread, and the two line separators of JavaScript. */
function goJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
