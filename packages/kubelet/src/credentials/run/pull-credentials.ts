import type { Pod } from '@nodeagent/kube-client';

import { podNamespace } from '../../pods/index.js';
import type { ObjectSource } from '../../volumes/index.js';
import { type KeyringEntry, matchingEntries, secretEntries } from '../plan/keyring.js';
import type { PullCredentials } from '../ports.js';

/**
 * The pod's pull secrets, then what the node has.
 *
 * @param nodeEntries of the node's docker configuration
 * @param onMissing told of secrets that are not there or cannot be read: the others are tried
 */
export function createPullCredentials(
  objects: Pick<ObjectSource, 'secret'>,
  nodeEntries: () => Promise<readonly KeyringEntry[]>,
  onMissing?: (pod: Pod, names: readonly string[]) => void,
): PullCredentials {
  return {
    forImage: async (pod, repository, signal) => {
      const names = (pod.spec?.imagePullSecrets ?? []).flatMap(({ name }) => (name ? [name] : []));
      const namespace = podNamespace(pod);
      const secrets = await Promise.all(
        names.map((name) => objects.secret(namespace, name, signal).catch(() => undefined)),
      );
      const missing = names.filter((_, at) => secrets[at] === undefined);
      if (missing.length > 0) onMissing?.(pod, missing);
      const ofPod = secrets.flatMap((secret, at) => {
        if (secret === undefined) return [];
        const name = names[at] ?? '';
        const owner = { uid: secret.metadata?.uid ?? '', namespace, name };
        return secretEntries(secret).map((entry) => ({ ...entry, secret: owner }));
      });
      const ofNode = matchingEntries(await nodeEntries(), repository);
      return [
        ...matchingEntries(ofPod, repository).map(({ auth, secret }) => ({ auth, secret })),
        ...ofNode.map(({ auth }) => ({ auth })),
      ];
    },
  };
}
