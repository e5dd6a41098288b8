import {
  EVENTS,
  isKubeError,
  type KubeClient,
  type KubeObject,
  NAMESPACES,
  type Resource,
} from '@nodeagent/kube-client';

/** Deletes the objects of a deleted namespace; removes its finalizer when none is left. */
export async function emptyNamespace(
  {
    client,
    kinds,
  }: Readonly<{
    client: KubeClient;
    /** Those that the server does not have are skipped. */
    kinds: readonly Resource<KubeObject>[];
  }>,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  let left = 0;
  for (const kind of [...kinds, EVENTS]) {
    if (kind.namespaced) left += await deleteAll(client, { kind, namespace: name }, signal);
  }
  if (left > 0) return;
  const namespace = await client.get(NAMESPACES, { name }, signal);
  const finalizers = (namespace.spec?.finalizers ?? []).filter((entry) => entry !== 'kubernetes');
  const released = { ...namespace, spec: { ...namespace.spec, finalizers } };
  await client.replace(NAMESPACES, released, { subresource: 'finalize' }, signal);
}

/** @returns the number of objects found */
async function deleteAll(
  client: KubeClient,
  { kind, namespace }: { readonly kind: Resource<KubeObject>; readonly namespace: string },
  signal: AbortSignal,
): Promise<number> {
  try {
    const { items } = await client.list(kind, { namespace }, signal);
    for (const { metadata } of items) {
      if (metadata?.deletionTimestamp !== undefined) continue;
      const { name = '', uid = '' } = metadata ?? {};
      try {
        await client.delete(kind, { namespace, name }, { uid }, signal);
      } catch (error) {
        if (!isKubeError(error, 'KUBE_NOT_FOUND', 'KUBE_CONFLICT')) throw error;
      }
    }
    return items.length;
  } catch (error) {
    if (isKubeError(error, 'KUBE_NOT_FOUND')) return 0;
    throw error;
  }
}
