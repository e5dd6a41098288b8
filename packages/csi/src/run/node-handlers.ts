import type { HandlersOf } from '@nodeagent/unix-grpc';

import type { NODE, PublishVolumeRequest } from '../codec/node.js';
import type { VolumeCapability } from '../codec/volume.js';
import { CsiError } from '../model/errors.js';
import { nodeCapabilities } from '../plan/capabilities.js';
import { assertPlace, assertRequest, REQUEST_CHECKS } from '../plan/check-request.js';
import { isEphemeral } from '../plan/ephemeral.js';
import { type PlacementAsked, whyOtherPlacement } from '../plan/existing.js';
import type { NodeDriver, Placement } from '../ports.js';
import { unimplemented } from './unimplemented.js';
import type { VolumeLocks } from './volume-locks.js';

/** The node service of a driver, with the rules that apply to every driver. */
export function nodeHandlers(
  node: NodeDriver | undefined,
  locks: VolumeLocks,
): HandlersOf<typeof NODE> {
  const there = (): NodeDriver => node ?? unimplemented('the node service');
  const volume = (volumeId: string) => ({ subject: `volume ${volumeId}` });
  const shared = (volumeId: string) => ({ subject: `volume ${volumeId}`, shared: true });
  const target = (path: string) => ({ subject: `path ${path}` });
  return {
    getInfo: async () => {
      const { nodeId, maxVolumes = 0, topology } = there();
      const accessibleTopology = topology === undefined ? undefined : { segments: topology };
      return { nodeId, maxVolumesPerNode: maxVolumes, accessibleTopology };
    },
    getCapabilities: async () => ({
      capabilities: nodeCapabilities(there()).map((type) => ({
        type: { kind: 'rpc', value: { type } },
      })),
    }),
    stageVolume: async (request, signal) => {
      const driver = there();
      const stage = driver.stage?.bind(driver) ?? unimplemented('staging');
      assertRequest(REQUEST_CHECKS.stageVolume, request);
      assertSupported(driver, request.volumeCapability);
      const { volumeId, stagingTargetPath } = request;
      return locks.during([volume(volumeId), target(stagingTargetPath)], async () => {
        const found = await driver.staged?.(stagingTargetPath, signal);
        if (!isThere(found, request, stagingTargetPath)) await stage(request, signal);
        return {};
      });
    },
    unstageVolume: async (request, signal) => {
      const driver = there();
      const unstage = driver.unstage?.bind(driver) ?? unimplemented('staging');
      assertRequest(REQUEST_CHECKS.unstageVolume, request);
      const { volumeId, stagingTargetPath } = request;
      return locks.during([volume(volumeId), target(stagingTargetPath)], async () => {
        await unstage(request, signal);
        return {};
      });
    },
    publishVolume: async (request, signal) => {
      const driver = there();
      assertRequest(REQUEST_CHECKS.publishVolume, request);
      assertSupported(driver, request.volumeCapability);
      const { volumeId, targetPath, stagingTargetPath, volumeContext } = request;
      if (driver.stage !== undefined && stagingTargetPath === '' && !isEphemeral(volumeContext)) {
        const detail = `volume ${volumeId} must be staged first: stagingTargetPath is missing`;
        throw new CsiError('CSI_FAILED_PRECONDITION', detail);
      }
      const isAlone = request.volumeCapability?.accessMode?.mode === 'single-node-single-writer';
      const hold = isAlone ? volume(volumeId) : shared(volumeId);
      return locks.during([hold, target(targetPath)], async () => {
        const found = await driver.published?.(targetPath, signal);
        if (isThere(found, request, targetPath)) return {};
        if (isAlone)
          assertUnpublished((await driver.targetPaths?.(volumeId, signal)) ?? [], request);
        await driver.publish(request, signal);
        return {};
      });
    },
    unpublishVolume: async (request, signal) => {
      const driver = there();
      assertRequest(REQUEST_CHECKS.unpublishVolume, request);
      const { volumeId, targetPath } = request;
      return locks.during([shared(volumeId), target(targetPath)], async () => {
        await driver.unpublish(request, signal);
        return {};
      });
    },
    getVolumeStats: async (request, signal) => {
      const driver = there();
      const stats = driver.stats?.bind(driver) ?? unimplemented('volume statistics');
      assertRequest(REQUEST_CHECKS.getVolumeStats, request);
      assertPlace(request);
      return stats(request, signal);
    },
    expandVolume: async (request, signal) => {
      const driver = there();
      const expand = driver.expand?.bind(driver) ?? unimplemented('expansion');
      assertRequest(REQUEST_CHECKS.nodeExpandVolume, request);
      assertPlace(request);
      return locks.during([volume(request.volumeId)], () => expand(request, signal));
    },
  };
}

function assertSupported(driver: NodeDriver, capability: VolumeCapability | undefined): void {
  if (capability === undefined) return; // already refused
  const why = driver.unsupported?.(capability);
  if (why !== undefined) throw new CsiError('CSI_INVALID_ARGUMENT', why);
}

/**
 * @param paths where the volume is
 * @throws {CsiError} `CSI_FAILED_PRECONDITION` if it is published
 * @see the CSI specification 1.9, "NodePublishVolume Errors": exceeds capabilities
 */
function assertUnpublished(
  paths: readonly string[],
  { volumeId, stagingTargetPath }: Pick<PublishVolumeRequest, 'volumeId' | 'stagingTargetPath'>,
): void {
  const other = paths.find((path) => path !== stagingTargetPath);
  if (other === undefined) return;
  const detail = `volume ${volumeId} has a single writer, and is published at ${other}`;
  throw new CsiError('CSI_FAILED_PRECONDITION', detail);
}

/** @throws {CsiError} `CSI_ALREADY_EXISTS` if the path holds something else */
function isThere(found: Placement | undefined, asked: PlacementAsked, path: string): boolean {
  if (found === undefined) return false;
  const why = whyOtherPlacement(found, asked);
  if (why === undefined) return true;
  throw new CsiError('CSI_ALREADY_EXISTS', `${path}: ${why}`);
}
