import type { Pod } from '@nodeagent/kube-client';

import { podNamespace } from '../../pod/index.js';
import type { ObjectSource } from '../../volumes/index.js';
import { type KeyringEntry, matchingEntries, secretEntries } from '../plan/keyring.js';
import type { ProvidedEntry, PullCredentials } from '../ports.js';

type ProvidedCredentials = (
  pod: Pod,
  repository: string,
  signal: AbortSignal,
) => Promise<readonly ProvidedEntry[]>;

export interface PullCredentialSources {
  readonly objects: Pick<ObjectSource, 'secret'>;
  /** Credentials in the node's docker configuration. */
  readonly nodeEntries: () => Promise<readonly KeyringEntry[]>;
  /** Credentials from credential providers. */
  readonly provided?: ProvidedCredentials | undefined;
  /** Called with missing or unreadable secrets; the pull tries the other credentials. */
  readonly onMissing?: (pod: Pod, names: readonly string[]) => void;
}

/**
 * Collects the pod's pull secrets, then the node's own credentials, then those of credential
 * providers.
 *
 * @see Kubernetes 1.36 pkg/kubelet/images/image_manager.go, makeLookupPullCredentialsFunc
 */
export function createPullCredentials(sources: PullCredentialSources): PullCredentials {
  const { objects, nodeEntries, provided, onMissing } = sources;
  return {
    forImage: async (pod, repository, signal) => {
      const names = (pod.spec?.imagePullSecrets ?? []).flatMap(({ name }) => (name ? [name] : []));
      const namespace = podNamespace(pod);
      const secrets = await Promise.all(
        names.map((name) => objects.secret(namespace, name, signal).catch(() => undefined)),
      );
      signal.throwIfAborted(); // a removed pod has no missing secrets
      const missing = names.filter((_, at) => secrets[at] === undefined);
      if (missing.length > 0) onMissing?.(pod, missing);
      const ofPod = secrets.flatMap((secret, at) => {
        if (secret === undefined) return [];
        const name = names[at] ?? '';
        const owner = { uid: secret.metadata?.uid ?? '', namespace, name };
        return secretEntries(secret).map((entry) => ({ ...entry, secret: owner }));
      });
      const ofNode = matchingEntries(await nodeEntries(), repository);
      const ofProviders = (await provided?.(pod, repository, signal)) ?? [];
      return [
        ...matchingEntries(ofPod, repository).map(({ auth, secret }) => ({ auth, secret })),
        ...ofNode.map(({ auth }) => ({ auth })),
        ...matchingEntries(ofProviders, repository).map(({ auth, serviceAccount }) => ({
          auth,
          ...(serviceAccount && { serviceAccount }),
        })),
      ];
    },
  };
}
