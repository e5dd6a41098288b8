import { formatTimestamp } from '@nodeagent/base';
import { grpcNumber } from '@nodeagent/csi';
import {
  type PersistentVolume,
  VOLUME_ATTACHMENTS,
  type VolumeAttachment,
} from '@nodeagent/kube-client';

import { refused } from '../model/errors.js';
import { attacherFinalizer } from '../model/names.js';
import { volumeCapabilities } from '../plan/volume-capability.js';
import { type Context, secretRef, secretValues, setFinalizer, textOf } from './context.js';

/**
 * Has the driver attach a volume to a node; a driver that does not attach is asked nothing. The outcome
 * is in the attachment's status, also when it is an error.
 */
export async function attach(
  context: Context,
  attachment: VolumeAttachment,
  signal: AbortSignal,
): Promise<void> {
  const { driver } = context;
  if (!driver.controller.has('publish-unpublish-volume')) {
    return writeStatus(context, attachment, { attached: true, attachError: null }, signal);
  }
  try {
    const attachmentMetadata = await publish(context, attachment, signal);
    const status = { attached: true, attachmentMetadata, attachError: null };
    await writeStatus(context, attachment, status, signal);
  } catch (error) {
    if (!signal.aborted) {
      const attachError = errorOf(context, error);
      await writeStatus(context, attachment, { attached: false, attachError }, signal);
    }
    throw error;
  }
}

async function publish(
  context: Context,
  attachment: VolumeAttachment,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const { driver, controller } = context;
  const volume = volumeOf(context, attachment);
  const nodeId = nodeIdOf(context, attachment);
  const finalizer = attacherFinalizer(driver.name);
  if (volume.metadata?.deletionTimestamp !== undefined) {
    throw refused(`PersistentVolume "${volume.metadata.name}" is marked for deletion`);
  }
  await setFinalizer(context, volume, { finalizer, wanted: true }, signal);
  await holdAttachment(context, attachment, finalizer, signal);
  const { csi, accessModes = [], volumeMode, mountOptions = [] } = volume.spec ?? {};
  const usage = { accessModes, volumeMode, fsType: csi?.fsType ?? '', mountOptions };
  const [volumeCapability] = volumeCapabilities(usage, driver.controller);
  const { publishContext } = await controller.publishVolume(
    {
      volumeId: csi?.volumeHandle ?? '',
      nodeId,
      volumeCapability,
      readonly: csi?.readOnly === true,
      secrets: await secretValues(context, secretRef(csi?.controllerPublishSecretRef), signal),
      volumeContext: csi?.volumeAttributes ?? {},
    },
    signal,
  );
  return publishContext;
}

/** Has the driver detach, then lets the attachment go. */
export async function detach(
  context: Context,
  attachment: VolumeAttachment,
  signal: AbortSignal,
): Promise<void> {
  const { client, controller, driver, world } = context;
  try {
    const volume = volumeOf(context, attachment);
    const { csi } = volume.spec ?? {};
    await controller.unpublishVolume(
      {
        volumeId: csi?.volumeHandle ?? '',
        nodeId: nodeIdOf(context, attachment),
        secrets: await secretValues(context, secretRef(csi?.controllerPublishSecretRef), signal),
      },
      signal,
    );
  } catch (error) {
    if (!signal.aborted) {
      await writeStatus(context, attachment, { detachError: errorOf(context, error) }, signal);
    }
    throw error;
  }
  const { name = '', uid } = attachment.metadata ?? {};
  const finalizer = attacherFinalizer(driver.name);
  const body = { metadata: { uid, '$deleteFromPrimitiveList/finalizers': [finalizer] } };
  const patch = { type: 'strategic-merge', body } as const;
  world.learn('attachments', await client.patch(VOLUME_ATTACHMENTS, { name }, patch, signal));
}

const NODE_ID = 'csi.alpha.kubernetes.io/node-id';

function nodeIdOf({ world, driver }: Context, { spec, metadata }: VolumeAttachment): string {
  const { drivers = [] }: { drivers?: readonly { name: string; nodeID: string }[] } =
    world.view.csiNodes.get(spec.nodeName)?.spec ?? {};
  const found = drivers.find(({ name }) => name === driver.name)?.nodeID;
  const id = found ?? metadata?.annotations?.[NODE_ID];
  if (id !== undefined) return id;
  throw refused(`CSINode ${spec.nodeName} does not contain driver ${driver.name}`);
}

function volumeOf({ world }: Context, { spec }: VolumeAttachment): PersistentVolume {
  const name = spec.source.persistentVolumeName;
  if (name === undefined) {
    throw refused('spec.source.inlineVolumeSpec: only PersistentVolumes can be attached');
  }
  const volume = world.view.volumes.get(name);
  if (volume === undefined) throw refused(`persistentvolume "${name}" not found`);
  return volume;
}

/** Notes the node's id too: detaching needs it, and the node may be gone by then. */
async function holdAttachment(
  context: Context,
  attachment: VolumeAttachment,
  finalizer: string,
  signal: AbortSignal,
): Promise<void> {
  const { client, world } = context;
  const { name = '', uid, finalizers = [] } = attachment.metadata ?? {};
  if (finalizers.includes(finalizer)) return;
  const annotations = { [NODE_ID]: nodeIdOf(context, attachment) };
  const body = { metadata: { uid, finalizers: [finalizer], annotations } };
  const patch = { type: 'strategic-merge', body } as const;
  world.learn('attachments', await client.patch(VOLUME_ATTACHMENTS, { name }, patch, signal));
}

function errorOf({ clock }: Context, error: unknown): object {
  const errorCode = grpcNumber(error);
  return {
    time: formatTimestamp(clock.nowMs()),
    message: textOf(error),
    ...(errorCode !== undefined && { errorCode }),
  };
}

async function writeStatus(
  { client, world }: Context,
  { metadata }: VolumeAttachment,
  status: object,
  signal: AbortSignal,
): Promise<void> {
  const { name = '', uid } = metadata ?? {};
  const body = { metadata: { uid }, status };
  const patch = { type: 'merge', subresource: 'status', body } as const;
  world.learn('attachments', await client.patch(VOLUME_ATTACHMENTS, { name }, patch, signal));
}
