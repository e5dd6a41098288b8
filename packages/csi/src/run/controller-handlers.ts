import type { HandlersOf, PartialOf } from '@nodeagent/unix-grpc';

import type { CONTROLLER, CreateVolumeRequest } from '../codec/controller.js';
import type { Snapshot } from '../codec/snapshot.js';
import type { Volume, VolumeCapability } from '../codec/volume.js';
import { CsiError, isCsiError } from '../model/errors.js';
import { controllerCapabilities } from '../plan/capabilities.js';
import { assertRequest, REQUEST_CHECKS } from '../plan/check-request.js';
import { whyOtherVolume } from '../plan/existing.js';
import type { ControllerDriver } from '../ports.js';
import { unimplemented } from './unimplemented.js';
import type { VolumeLocks } from './volume-locks.js';

/** The controller service of a driver, with the rules that apply to every driver. */
export function controllerHandlers(
  controller: ControllerDriver | undefined,
  locks: VolumeLocks,
): HandlersOf<typeof CONTROLLER> {
  return {
    getCapabilities: async () => ({
      capabilities: controllerCapabilities(controller ?? unimplemented(SERVICE)).map((type) => ({
        type: { kind: 'rpc', value: { type } },
      })),
    }),
    ...volumeHandlers(controller, locks),
    ...useHandlers(controller, locks),
    ...snapshotHandlers(controller, locks),
  };
}

const SERVICE = 'the controller service';

type Part<Name extends keyof typeof CONTROLLER> = Pick<HandlersOf<typeof CONTROLLER>, Name>;

const volumeHold = (volumeId: string) => ({ subject: `volume ${volumeId}` });
const snapshotHold = (id: string) => ({ subject: `snapshot ${id}` });

/** Creates, deletes and lists volumes. */
function volumeHandlers(
  controller: ControllerDriver | undefined,
  locks: VolumeLocks,
): Part<'createVolume' | 'deleteVolume' | 'listVolumes' | 'getVolume' | 'getCapacity'> {
  const create = controller?.create?.bind(controller);
  const remove = controller?.delete?.bind(controller);
  const list = controller?.list?.bind(controller);
  const get = controller?.get?.bind(controller);
  const capacity = controller?.capacity?.bind(controller);
  return {
    createVolume: async (request, signal) => {
      if (controller === undefined || create === undefined) return unimplemented('CreateVolume');
      assertRequest(REQUEST_CHECKS.createVolume, request);
      assertSupported(controller, request.volumeCapabilities);
      return locks.during([{ subject: `name ${request.name}` }], async () => {
        const found = await existing(controller, request, signal);
        return { volume: found ?? wholeVolume(await create(request, signal)) };
      });
    },
    deleteVolume: async (request, signal) => {
      if (remove === undefined) return unimplemented('DeleteVolume');
      assertRequest(REQUEST_CHECKS.deleteVolume, request);
      return locks.during([volumeHold(request.volumeId)], () => gone(remove(request, signal)));
    },
    listVolumes: async (request, signal) => {
      if (list === undefined) return unimplemented('ListVolumes');
      assertRequest(REQUEST_CHECKS.listVolumes, request);
      return list(request, signal);
    },
    getVolume: async (request, signal) => {
      if (get === undefined) return unimplemented('ControllerGetVolume');
      assertRequest(REQUEST_CHECKS.getVolume, request);
      return get(request, signal);
    },
    getCapacity: async (request, signal) => {
      if (capacity === undefined) return unimplemented('GetCapacity');
      return capacity(request, signal);
    },
  };
}

/** Operations on existing volumes. */
function useHandlers(
  controller: ControllerDriver | undefined,
  locks: VolumeLocks,
): Part<
  | 'publishVolume'
  | 'unpublishVolume'
  | 'validateVolumeCapabilities'
  | 'expandVolume'
  | 'modifyVolume'
> {
  const publish = controller?.publish?.bind(controller);
  const unpublish = controller?.unpublish?.bind(controller);
  const validate = controller?.validate?.bind(controller);
  const expand = controller?.expand?.bind(controller);
  const modify = controller?.modify?.bind(controller);
  return {
    publishVolume: async (request, signal) => {
      if (publish === undefined) return unimplemented('ControllerPublishVolume');
      assertRequest(REQUEST_CHECKS.controllerPublishVolume, request);
      return locks.during([volumeHold(request.volumeId)], () => publish(request, signal));
    },
    unpublishVolume: async (request, signal) => {
      if (unpublish === undefined) return unimplemented('ControllerUnpublishVolume');
      assertRequest(REQUEST_CHECKS.controllerUnpublishVolume, request);
      return locks.during([volumeHold(request.volumeId)], () => gone(unpublish(request, signal)));
    },
    validateVolumeCapabilities: async (request, signal) => {
      if (validate === undefined) return unimplemented('ValidateVolumeCapabilities');
      assertRequest(REQUEST_CHECKS.validateVolumeCapabilities, request);
      return validate(request, signal);
    },
    expandVolume: async (request, signal) => {
      if (expand === undefined) return unimplemented('ControllerExpandVolume');
      assertRequest(REQUEST_CHECKS.controllerExpandVolume, request);
      return locks.during([volumeHold(request.volumeId)], () => expand(request, signal));
    },
    modifyVolume: async (request, signal) => {
      if (modify === undefined) return unimplemented('ControllerModifyVolume');
      assertRequest(REQUEST_CHECKS.modifyVolume, request);
      return locks.during([volumeHold(request.volumeId)], async () => {
        await modify(request, signal);
        return {};
      });
    },
  };
}

function snapshotHandlers(
  controller: ControllerDriver | undefined,
  locks: VolumeLocks,
): Part<'createSnapshot' | 'deleteSnapshot' | 'listSnapshots' | 'getSnapshot'> {
  const create = controller?.createSnapshot?.bind(controller);
  const remove = controller?.deleteSnapshot?.bind(controller);
  const list = controller?.listSnapshots?.bind(controller);
  const get = controller?.getSnapshot?.bind(controller);
  return {
    createSnapshot: async (request, signal) => {
      if (create === undefined) return unimplemented('CreateSnapshot');
      assertRequest(REQUEST_CHECKS.createSnapshot, request);
      const holds = [{ subject: `name ${request.name}` }, volumeHold(request.sourceVolumeId)];
      return locks.during(holds, async () => ({
        snapshot: wholeSnapshot(await create(request, signal)),
      }));
    },
    deleteSnapshot: async (request, signal) => {
      if (remove === undefined) return unimplemented('DeleteSnapshot');
      assertRequest(REQUEST_CHECKS.deleteSnapshot, request);
      return locks.during([snapshotHold(request.snapshotId)], () => gone(remove(request, signal)));
    },
    listSnapshots: async (request, signal) => {
      if (list === undefined) return unimplemented('ListSnapshots');
      assertRequest(REQUEST_CHECKS.listSnapshots, request);
      return list(request, signal);
    },
    getSnapshot: async (request, signal) => {
      if (get === undefined) return unimplemented('GetSnapshot');
      assertRequest(REQUEST_CHECKS.getSnapshot, request);
      return { snapshot: wholeSnapshot(await get(request, signal)) };
    },
  };
}

/**
 * @throws {CsiError} `CSI_INVALID_ARGUMENT` with the first capability that the driver does not
 *   support
 */
function assertSupported(
  driver: ControllerDriver,
  capabilities: readonly VolumeCapability[],
): void {
  for (const capability of capabilities) {
    const why = driver.unsupported?.(capability);
    if (why !== undefined) throw new CsiError('CSI_INVALID_ARGUMENT', why);
  }
}

/** @throws {CsiError} `CSI_ALREADY_EXISTS` if the volume of that name differs from the request */
async function existing(
  driver: ControllerDriver,
  request: CreateVolumeRequest,
  signal: AbortSignal,
): Promise<Volume | undefined> {
  const found = await driver.findByName?.(request.name, signal);
  if (found === undefined) return undefined;
  const why = whyOtherVolume(found, request);
  if (why === undefined) return found;
  throw new CsiError('CSI_ALREADY_EXISTS', `a volume named ${request.name} exists: ${why}`);
}

/** Deletion and unpublication succeed if the object no longer exists. */
async function gone(operation: Promise<void>): Promise<Record<string, never>> {
  try {
    await operation;
  } catch (error) {
    if (!isCsiError(error, 'CSI_NOT_FOUND')) throw error;
  }
  return {};
}

/** Fills in the defaults of the fields that the driver left out. */
function wholeVolume(volume: PartialOf<Volume>): Volume {
  return {
    volumeId: volume.volumeId ?? '',
    capacityBytes: volume.capacityBytes ?? 0,
    volumeContext: volume.volumeContext ?? {},
    contentSource: volume.contentSource,
    accessibleTopology: volume.accessibleTopology ?? [],
  };
}

function wholeSnapshot(snapshot: PartialOf<Snapshot>): Snapshot {
  return {
    sizeBytes: snapshot.sizeBytes ?? 0,
    snapshotId: snapshot.snapshotId ?? '',
    sourceVolumeId: snapshot.sourceVolumeId ?? '',
    creationTime: snapshot.creationTime,
    readyToUse: snapshot.readyToUse ?? false,
    groupSnapshotId: snapshot.groupSnapshotId ?? '',
  };
}
