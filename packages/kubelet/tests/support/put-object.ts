import {
  CONFIG_MAPS,
  type ConfigMap,
  type Resource,
  type Secret,
  SECRETS,
} from '@nodeagent/kube-client';
import type { MemoryKubeClient } from '@nodeagent/kube-client/testing';

/** Creates, replaces or, without data, deletes an object of the namespace `contract`. */
export async function putObject(
  api: MemoryKubeClient,
  kind: 'configMap' | 'secret',
  name: string,
  data: Readonly<Record<string, string>> | undefined,
): Promise<void> {
  const metadata = { name, namespace: 'contract' };
  if (kind === 'configMap') return put(api, CONFIG_MAPS, data && { metadata, data }, name);
  const encoded = Object.entries(data ?? {}).map(([key, text]) => [key, btoa(text)] as const);
  const object = data && { metadata, data: Object.fromEntries(encoded) };
  return put(api, SECRETS, object, name);
}

async function put<T extends ConfigMap | Secret>(
  api: MemoryKubeClient,
  resource: Resource<T>,
  object: T | undefined,
  name: string,
): Promise<void> {
  const { signal } = new AbortController();
  const at = { namespace: 'contract', name };
  const isThere = api.objects(resource).some(({ metadata }) => metadata?.name === name);
  if (isThere) await api.delete(resource, at, {}, signal);
  if (object !== undefined) await api.create(resource, object, signal);
}
