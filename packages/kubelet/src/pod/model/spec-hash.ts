import type { Container } from '@nodeagent/kube-client';

import { fnv1a32 } from './fnv.js';

/**
 * The hash in a container's runtime annotation `io.kubernetes.container.hash`. Only a change of the
 * image or the name makes a running container outdated. The hash equals upstream's bit for bit, so
 * containers survive a change from one kubelet to the other.
 *
 * 32-bit FNV-1a over the printed form of the JSON bytes; lower-case hex without padding.
 *
 * @see Kubernetes 1.36 pkg/kubelet/container/helpers.go, HashContainer
 */
export function containerSpecHash(container: Pick<Container, 'name' | 'image'>): string {
  const json = goJson({ image: container.image ?? '', name: container.name });
  return fnv1a32(`([]uint8)[${[...Buffer.from(json)].join(' ')}]`).toString(16);
}

/** Go escapes characters that HTML could misread, and U+2028 and U+2029. */
function goJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
