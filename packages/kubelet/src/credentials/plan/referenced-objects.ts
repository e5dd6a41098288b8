import type { Container, Pod, Volume } from '@nodeagent/kube-client';

/** Names of objects in the pod's namespace, without duplicates. */
export interface ReferencedObjects {
  readonly configMaps: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
}

/**
 * The config maps and secrets to which a pod's containers, volumes and image pulls refer.
 *
 * @see Kubernetes 1.36 pkg/api/v1/pod/util.go, VisitPodSecretNames and VisitPodConfigmapNames
 */
export function referencedObjects({ spec }: Pod): ReferencedObjects {
  const configMaps = new Set<string>();
  const secrets = new Set<string>();
  const add = (to: Set<string>, ref: Readonly<{ name?: string }> | undefined): void => {
    if (ref?.name) to.add(ref.name);
  };
  const containers: readonly Container[] = [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...((spec?.ephemeralContainers ?? []) as readonly Container[]),
  ];
  for (const { env = [], envFrom = [] } of containers) {
    for (const { configMapRef, secretRef } of envFrom) {
      add(configMaps, configMapRef);
      add(secrets, secretRef);
    }
    for (const { valueFrom } of env) {
      add(configMaps, valueFrom?.configMapKeyRef);
      add(secrets, valueFrom?.secretKeyRef);
    }
  }
  for (const source of (spec?.volumes ?? []).flatMap(objectSources)) {
    add(configMaps, source.configMap);
    add(secrets, source.secret);
  }
  for (const ref of spec?.imagePullSecrets ?? []) add(secrets, ref);
  return { configMaps, secrets };
}

interface ObjectSource {
  readonly configMap?: Readonly<{ name?: string }> | undefined;
  readonly secret?: Readonly<{ name?: string }> | undefined;
}

function objectSources({ configMap, secret, projected }: Volume): readonly ObjectSource[] {
  const { secretName } = secret ?? {};
  return [
    { configMap, ...(secretName !== undefined && { secret: { name: secretName } }) },
    ...(projected?.sources ?? []),
  ];
}
