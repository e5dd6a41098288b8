import { isCsiError, leavesUncertain, type Volume } from '@nodeagent/csi';
import {
  isKubeError,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type StorageClass,
} from '@nodeagent/kube-client';

import { refused } from '../model/errors.js';
import {
  DELETION_SECRET_NAME,
  DELETION_SECRET_NAMESPACE,
  PROVISIONER_FINALIZER,
  SELECTED_NODE,
} from '../model/names.js';
import { bytesOf } from '../plan/amounts.js';
import { type ClassParameters, readParameters } from '../plan/class-parameters.js';
import { persistentVolume, volumeNameOf } from '../plan/persistent-volume.js';
import { attachmentsOf } from '../plan/plan-tasks.js';
import { placesFor } from '../plan/topology.js';
import { volumeCapabilities } from '../plan/volume-capability.js';
import { type Context, secretRef, secretValues, setFinalizer, tell, textOf } from './context.js';

/** Claims whose volume may exist although no answer came, by uid. */
export type Uncertain = Map<
  string,
  Readonly<{ claim: PersistentVolumeClaim; storageClass: StorageClass }>
>;

interface Provisioning {
  readonly claim: PersistentVolumeClaim;
  readonly storageClass: StorageClass;
}

/** Has the driver make a claim's volume, and shows it to the cluster. */
export async function provision(
  context: Context,
  { claim, storageClass }: Provisioning,
  uncertain: Uncertain,
  signal: AbortSignal,
): Promise<void> {
  const { client, driver, world } = context;
  const { namespace, name, uid = '' } = claim.metadata ?? {};
  const said = (type: 'Normal' | 'Warning', reason: string, message: string): void =>
    tell(context, claim, 'PersistentVolumeClaim', { type, reason, message });
  const start = `External provisioner is provisioning volume for claim "${namespace}/${name}"`;
  said('Normal', 'Provisioning', start);
  try {
    const parameters = readParameters(storageClass.parameters ?? {}, claim, volumeNameOf(claim));
    const volume = await createVolume(context, { claim, storageClass, parameters }, signal);
    const object = persistentVolume({
      ...{ driver: driver.name, volume, claim, storageClass, parameters },
    });
    await client
      .create(PERSISTENT_VOLUMES, object, signal)
      .then((made) => world.learn('volumes', made))
      .catch((error: unknown) => {
        if (!isKubeError(error, 'KUBE_ALREADY_EXISTS')) throw error;
      });
    uncertain.delete(uid);
    said(
      'Normal',
      'ProvisioningSucceeded',
      `Successfully provisioned volume ${volumeNameOf(claim)}`,
    );
  } catch (error) {
    if (signal.aborted) throw error;
    if (isCsiError(error) && !leavesUncertain(error)) uncertain.delete(uid);
    else if (isCsiError(error) || isKubeError(error)) uncertain.set(uid, { claim, storageClass });
    const what = `failed to provision volume with StorageClass "${storageClass.metadata?.name}"`;
    said('Warning', 'ProvisioningFailed', `${what}: ${textOf(error)}`);
    if (isCsiError(error, 'CSI_RESOURCE_EXHAUSTED')) await reschedule(context, claim, signal);
    throw error;
  }
}

async function createVolume(
  context: Context,
  { claim, storageClass, parameters }: Provisioning & { readonly parameters: ClassParameters },
  signal: AbortSignal,
): Promise<Volume> {
  const { driver, controller, world, nodeName } = context;
  const { accessModes = [], volumeMode, resources, dataSource, dataSourceRef } = claim.spec ?? {};
  if (dataSource !== undefined || dataSourceRef !== undefined) {
    throw refused('spec.dataSource: volumes are made empty, without snapshots and clones');
  }
  if ((claim.spec?.volumeAttributesClassName ?? '') !== '') {
    throw refused('spec.volumeAttributesClassName: attribute classes are not supported');
  }
  const selectedNode = claim.metadata?.annotations?.[SELECTED_NODE] ?? '';
  const { mountOptions = [] } = storageClass;
  const requiredBytes = bytesOf(resources?.requests?.['storage']);
  const { volume } = await controller.createVolume(
    {
      name: volumeNameOf(claim),
      capacityRange: { requiredBytes, limitBytes: bytesOf(resources?.limits?.['storage']) },
      volumeCapabilities: volumeCapabilities(
        { accessModes, volumeMode, fsType: parameters.fsType, mountOptions },
        driver.controller,
      ),
      parameters: parameters.parameters,
      secrets: await secretValues(context, parameters.secrets.provisioner, signal),
      volumeContentSource: undefined,
      accessibilityRequirements: driver.services.has('volume-accessibility-constraints')
        ? placesFor(
            storageClass,
            { driver: driver.name, selectedNode, onlySelected: nodeName !== undefined },
            world.view,
          )
        : undefined,
      mutableParameters: {},
    },
    signal,
  );
  if (volume === undefined || volume.volumeId === '') {
    throw refused(`driver ${driver.name} made a volume without an id`);
  }
  if (volume.capacityBytes === 0 || volume.capacityBytes >= requiredBytes) return volume;
  await controller.deleteVolume({ volumeId: volume.volumeId, secrets: {} }, signal);
  const text = `created volume capacity ${volume.capacityBytes} less than requested capacity ${requiredBytes}`;
  throw refused(text);
}

/** Lets the scheduler choose another node. */
async function reschedule(
  { client, world }: Context,
  { metadata = {} }: PersistentVolumeClaim,
  signal: AbortSignal,
): Promise<void> {
  const { namespace = '', name = '', resourceVersion, annotations = {} } = metadata;
  if (annotations[SELECTED_NODE] === undefined) return;
  const body = { metadata: { resourceVersion, annotations: { [SELECTED_NODE]: null } } };
  const patch = { type: 'merge', body } as const;
  const at = { namespace, name };
  world.learn('claims', await client.patch(PERSISTENT_VOLUME_CLAIMS, at, patch, signal));
}

/** Claims a volume for this node: the writes of slower controllers are refused. */
export async function takeClaim(
  { client, world }: Context,
  { claim, node }: { readonly claim: PersistentVolumeClaim; readonly node: string },
  signal: AbortSignal,
): Promise<void> {
  const { namespace = '', name = '', resourceVersion } = claim.metadata ?? {};
  const body = { metadata: { resourceVersion, annotations: { [SELECTED_NODE]: node } } };
  const patch = { type: 'merge', body } as const;
  const at = { namespace, name };
  world.learn('claims', await client.patch(PERSISTENT_VOLUME_CLAIMS, at, patch, signal));
}

/** Has the driver delete a released volume, and then lets the object go. */
export async function deleteVolume(
  context: Context,
  volume: PersistentVolume,
  signal: AbortSignal,
): Promise<void> {
  const { client, controller, world } = context;
  const { name = '', uid = '', annotations = {} } = volume.metadata ?? {};
  try {
    const [attached] = attachmentsOf(volume, world.view);
    if (attached !== undefined) {
      throw refused(`persistentvolume ${name} is still attached to node ${attached.spec.nodeName}`);
    }
    const secret = secretRef({
      name: annotations[DELETION_SECRET_NAME],
      namespace: annotations[DELETION_SECRET_NAMESPACE],
    } as Partial<Record<'name' | 'namespace', string>>);
    const secrets = await secretValues(context, secret, signal);
    const volumeId = volume.spec?.csi?.volumeHandle ?? '';
    await controller.deleteVolume({ volumeId, secrets }, signal);
  } catch (error) {
    const note = { type: 'Warning', reason: 'VolumeFailedDelete', message: textOf(error) } as const;
    if (!signal.aborted) tell(context, volume, 'PersistentVolume', note);
    throw error;
  }
  await client.delete(PERSISTENT_VOLUMES, { name }, { uid }, signal).catch(unlessGone);
  const finalizer = PROVISIONER_FINALIZER;
  const change = { finalizer, wanted: false };
  const left = await setFinalizer(context, volume, change, signal).catch(unlessGone);
  // Other finalizers hold it, perhaps that of this driver's attachments: it is still to be looked at.
  if ((left?.metadata?.finalizers ?? []).length === 0) world.stores.volumes.remove(name);
}

function unlessGone(error: unknown): undefined {
  if (!isKubeError(error, 'KUBE_NOT_FOUND')) throw error;
}
