import { formatTimestamp } from '@nodeagent/base';
import { isCsiError, leavesUncertain } from '@nodeagent/csi';
import {
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  type PersistentVolume,
  type PersistentVolumeClaim,
} from '@nodeagent/kube-client';

import { NODE_EXPANSION_NOT_REQUIRED, PRE_RESIZE_CAPACITY } from '../model/names.js';
import { bytesOf, quantityOf } from '../plan/amounts.js';
import { begun, failed, finished, leftToNode } from '../plan/expansion.js';
import { volumeCapabilities } from '../plan/volume-capability.js';
import { type Context, secretRef, secretValues, tell, textOf } from './context.js';

interface Expansion {
  readonly claim: PersistentVolumeClaim;
  readonly volume: PersistentVolume;
  readonly bytes: number;
}

/**
 * Has the driver grow a volume, and leaves the file system to the node where the driver says so. Every
 * step is in the claim's status, as Kubernetes' kubelet and its users expect it.
 */
export async function expand(
  context: Context,
  { claim: found, volume, bytes }: Expansion,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = context;
  const name = volume.metadata?.name ?? '';
  const now = (): string => formatTimestamp(clock.nowMs());
  let claim = found;
  const write = async (body: object): Promise<void> => {
    claim = await patchStatus(context, claim, body, signal);
  };
  const said = (type: 'Normal' | 'Warning', reason: string, message: string): void =>
    tell(context, claim, 'PersistentVolumeClaim', { type, reason, message });
  if (!isBegun(claim, bytes)) {
    await write(begun({ claim, now: now() }, bytes));
    said('Normal', 'Resizing', `External resizer is resizing volume ${name}`);
  }
  try {
    const grown = await grow(context, { volume, bytes }, signal);
    await patchVolume(context, volume, grown, signal);
    if (grown.nodeExpansionRequired) {
      await write(leftToNode({ claim, now: now() }));
      const text = 'Require file system resize of volume on node';
      said('Normal', 'FileSystemResizeRequired', text);
    } else {
      claim = await withoutNode(context, claim, signal);
      await write(finished({ claim, now: now() }, grown.bytes));
      said('Normal', 'VolumeResizeSuccessful', 'Resize volume succeeded');
    }
  } catch (error) {
    if (signal.aborted || !isCsiError(error)) throw error;
    const message = `resize volume "${name}" by resizer "${context.driver.name}" failed: ${textOf(error)}`;
    said('Warning', 'VolumeResizeFailed', message);
    // otherwise the driver may still be at work
    if (!leavesUncertain(error)) {
      await write(failed({ claim, now: now() }, message, isInfeasible(error)));
    }
    throw error;
  }
}

function isBegun({ status }: PersistentVolumeClaim, bytes: number): boolean {
  const step = status?.allocatedResourceStatuses?.['storage'];
  const allocated = bytesOf(status?.allocatedResources?.['storage']);
  return step === 'ControllerResizeInProgress' && allocated === bytes;
}

/** @see kubernetes-csi/external-resizer pkg/util, IsResizeInfeasibleError */
function isInfeasible(error: unknown): boolean {
  return isCsiError(error, 'CSI_INVALID_ARGUMENT', 'CSI_OUT_OF_RANGE', 'CSI_NOT_FOUND');
}

interface Grown {
  readonly bytes: number;
  readonly nodeExpansionRequired: boolean;
}

async function grow(
  context: Context,
  { volume, bytes }: Pick<Expansion, 'volume' | 'bytes'>,
  signal: AbortSignal,
): Promise<Grown> {
  const { driver, controller } = context;
  if (!driver.controller.has('expand-volume')) return { bytes, nodeExpansionRequired: true };
  const { csi, accessModes = [], volumeMode, mountOptions = [] } = volume.spec ?? {};
  const usage = { accessModes, volumeMode, fsType: csi?.fsType ?? '', mountOptions };
  const [volumeCapability] = volumeCapabilities(usage, driver.controller);
  const { capacityBytes, nodeExpansionRequired } = await controller.expandVolume(
    {
      volumeId: csi?.volumeHandle ?? '',
      capacityRange: { requiredBytes: bytes, limitBytes: 0 },
      secrets: await secretValues(context, secretRef(csi?.controllerExpandSecretRef), signal),
      volumeCapability,
    },
    signal,
  );
  return { bytes: Math.max(bytes, capacityBytes), nodeExpansionRequired };
}

async function patchVolume(
  { client, world }: Context,
  volume: PersistentVolume,
  { bytes, nodeExpansionRequired }: Grown,
  signal: AbortSignal,
): Promise<void> {
  const { name = '', uid, annotations = {} } = volume.metadata ?? {};
  const before = volume.spec?.capacity?.['storage'];
  if (bytesOf(before) >= bytes) return;
  const isNoted = annotations[PRE_RESIZE_CAPACITY] !== undefined || !nodeExpansionRequired;
  const body = {
    metadata: { uid, ...(!isNoted && { annotations: { [PRE_RESIZE_CAPACITY]: before } }) },
    spec: { capacity: { storage: quantityOf(bytes) } },
  };
  const patch = { type: 'merge', body } as const;
  world.learn('volumes', await client.patch(PERSISTENT_VOLUMES, { name }, patch, signal));
}

async function withoutNode(
  { client, world }: Context,
  claim: PersistentVolumeClaim,
  signal: AbortSignal,
): Promise<PersistentVolumeClaim> {
  const { namespace = '', name = '', uid, annotations = {} } = claim.metadata ?? {};
  if (annotations[NODE_EXPANSION_NOT_REQUIRED] === 'true') return claim;
  const body = { metadata: { uid, annotations: { [NODE_EXPANSION_NOT_REQUIRED]: 'true' } } };
  const patch = { type: 'merge', body } as const;
  const at = { namespace, name };
  return world.learn('claims', await client.patch(PERSISTENT_VOLUME_CLAIMS, at, patch, signal));
}

async function patchStatus(
  { client, world }: Context,
  { metadata }: PersistentVolumeClaim,
  body: object,
  signal: AbortSignal,
): Promise<PersistentVolumeClaim> {
  const { namespace = '', name = '' } = metadata ?? {};
  const patch = { type: 'strategic-merge', subresource: 'status', body } as const;
  const at = { namespace, name };
  return world.learn('claims', await client.patch(PERSISTENT_VOLUME_CLAIMS, at, patch, signal));
}
