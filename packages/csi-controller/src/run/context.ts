import type { Clock } from '@nodeagent/base';
import type { CsiServices } from '@nodeagent/csi';
import {
  type EventNote,
  type EventRecorder,
  isKubeError,
  type KubeClient,
  type KubeObject,
  PERSISTENT_VOLUMES,
  type PersistentVolume,
  SECRETS,
} from '@nodeagent/kube-client';

import type { DriverFacts } from '../model/driver.js';
import { refused } from '../model/errors.js';
import type { SecretRef } from '../plan/class-parameters.js';
import type { World } from './world.js';

/** The means of every operation. */
export interface Context {
  readonly client: KubeClient;
  readonly controller: CsiServices['controller'];
  readonly driver: DriverFacts;
  readonly world: World;
  readonly events: EventRecorder;
  readonly clock: Clock;
  /** Set where each node has a controller of its own. */
  readonly nodeName?: string | undefined;
}

/** Reads a secret for the driver; no values without a reference. */
export async function secretValues(
  { client }: Context,
  ref: SecretRef | undefined,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  if (ref === undefined) return {};
  try {
    const { data = {} } = await client.get(SECRETS, ref, signal);
    const entries = Object.entries(data);
    return Object.fromEntries(entries.map(([key, value]) => [key, fromBase64(value)]));
  } catch (error) {
    if (!isKubeError(error, 'KUBE_NOT_FOUND', 'KUBE_FORBIDDEN')) throw error;
    const text = `cannot read secret ${ref.namespace}/${ref.name} for the driver: ${error.message}`;
    throw refused(text);
  }
}

function fromBase64(text: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)));
}

/** A reference of a PersistentVolume to a secret, where it is complete. */
export function secretRef(
  ref: Readonly<{ name?: string; namespace?: string }> | undefined,
): SecretRef | undefined {
  if (ref?.name === undefined || ref.namespace === undefined) return undefined;
  return { name: ref.name, namespace: ref.namespace };
}

/** Adds or removes one finalizer, and leaves those of others alone. @returns the volume afterwards */
export async function setFinalizer(
  { client, world }: Context,
  volume: PersistentVolume,
  change: { readonly finalizer: string; readonly wanted: boolean },
  signal: AbortSignal,
): Promise<PersistentVolume> {
  const { finalizers = [], name = '', uid } = volume.metadata ?? {};
  const { finalizer, wanted } = change;
  if (finalizers.includes(finalizer) === wanted) return volume;
  const metadata = wanted
    ? { uid, finalizers: [finalizer] }
    : { uid, '$deleteFromPrimitiveList/finalizers': [finalizer] };
  const patch = { type: 'strategic-merge', body: { metadata } } as const;
  return world.learn('volumes', await client.patch(PERSISTENT_VOLUMES, { name }, patch, signal));
}

export function tell(
  { events }: Context,
  object: KubeObject,
  kind: 'PersistentVolumeClaim' | 'PersistentVolume',
  note: Omit<EventNote, 'about'>,
): void {
  const { namespace, name, uid, resourceVersion } = object.metadata ?? {};
  const about = {
    kind,
    apiVersion: 'v1',
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
  events.record({ about, ...note });
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
