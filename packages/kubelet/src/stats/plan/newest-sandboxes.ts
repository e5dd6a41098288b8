import type { Container, Sandbox } from '@nodeagent/cri-client';

/** The newest sandbox of each pod by namespace and name; those of nobody's pod are left out. */
export function newestSandboxes(sandboxes: readonly Sandbox[]): readonly Sandbox[] {
  const newest = new Map<string, Sandbox>();
  for (const sandbox of sandboxes) {
    const { metadata } = sandbox;
    if (metadata === undefined || metadata.uid === '') continue;
    const key = `${metadata.namespace}/${metadata.name}`;
    const known = newest.get(key);
    if (known === undefined || known.createdAtMs < sandbox.createdAtMs) newest.set(key, sandbox);
  }
  return [...newest.values()];
}

/** Of each name in a sandbox the one that was made last. */
export function containersBySandbox(
  containers: readonly Container[],
): ReadonlyMap<string, readonly Container[]> {
  const found = new Map<string, Map<string, Container>>();
  for (const container of containers) {
    const name = container.metadata?.name ?? '';
    const inSandbox = found.get(container.sandboxId) ?? new Map<string, Container>();
    found.set(container.sandboxId, inSandbox);
    const known = inSandbox.get(name);
    if (known === undefined || known.createdAtMs < container.createdAtMs) {
      inSandbox.set(name, container);
    }
  }
  return new Map([...found].map(([id, byName]) => [id, [...byName.values()]]));
}
