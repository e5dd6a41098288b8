import { check, fails } from './expect.js';
import type { SanityCase } from './sanity-case.js';

/** @see the CSI specification 1.9, "Node Service RPC" */
export const nodeCases: readonly SanityCase[] = [
  {
    name: 'has a node id of at most 256 bytes',
    run: async ({ csi, signal }) => {
      const { nodeId, maxVolumesPerNode } = await csi.node.getInfo({}, signal);
      check(nodeId !== '' && nodeId.length <= 256, `the node id is "${nodeId}"`);
      check(maxVolumesPerNode >= 0, `at most ${maxVolumesPerNode} volumes`);
    },
  },
  {
    name: 'refuses to publish without volume, path or capability',
    run: async ({ csi, signal, capability, newTargetPath, newStagingPath }) => {
      const whole = {
        volumeId: 'v',
        targetPath: await newTargetPath(),
        stagingTargetPath: await newStagingPath(),
        volumeCapability: capability,
      };
      for (const field of ['volumeId', 'targetPath', 'volumeCapability'] as const) {
        await fails(
          csi.node.publishVolume({ ...whole, [field]: undefined }, signal),
          `without ${field}`,
          'CSI_INVALID_ARGUMENT',
        );
      }
    },
  },
  {
    name: 'refuses to unpublish without volume or path',
    run: async ({ csi, signal, newTargetPath }) => {
      const targetPath = await newTargetPath();
      const { unpublishVolume } = csi.node;
      await fails(unpublishVolume({ targetPath }, signal), 'no volume', 'CSI_INVALID_ARGUMENT');
      await fails(unpublishVolume({ volumeId: 'v' }, signal), 'no path', 'CSI_INVALID_ARGUMENT');
    },
  },
  {
    name: 'refuses to stage without volume, path or capability',
    needs: { node: 'stage-unstage-volume' },
    run: async ({ csi, signal, capability, newStagingPath }) => {
      const whole = {
        volumeId: 'v',
        stagingTargetPath: await newStagingPath(),
        volumeCapability: capability,
      };
      for (const field of ['volumeId', 'stagingTargetPath', 'volumeCapability'] as const) {
        await fails(
          csi.node.stageVolume({ ...whole, [field]: undefined }, signal),
          `without ${field}`,
          'CSI_INVALID_ARGUMENT',
        );
      }
      await fails(csi.node.unstageVolume({}, signal), 'nothing', 'CSI_INVALID_ARGUMENT');
    },
  },
  {
    name: 'refuses statistics without volume or path',
    needs: { node: 'get-volume-stats' },
    run: async ({ csi, signal, newTargetPath }) => {
      const volumePath = await newTargetPath();
      const { getVolumeStats } = csi.node;
      await fails(getVolumeStats({ volumePath }, signal), 'no volume', 'CSI_INVALID_ARGUMENT');
      await fails(getVolumeStats({ volumeId: 'v' }, signal), 'no path', 'CSI_INVALID_ARGUMENT');
      for (const at of [volumePath, 'relative/path']) {
        await fails(
          getVolumeStats({ volumeId: 'no-such-volume', volumePath: at }, signal),
          'a volume that is not there',
          'CSI_NOT_FOUND',
        );
      }
    },
  },
  {
    name: 'refuses to expand without volume or path',
    needs: { node: 'expand-volume' },
    run: async ({ csi, signal, newTargetPath }) => {
      const volumePath = await newTargetPath();
      const { expandVolume } = csi.node;
      await fails(expandVolume({ volumePath }, signal), 'no volume', 'CSI_INVALID_ARGUMENT');
      await fails(expandVolume({ volumeId: 'v' }, signal), 'no path', 'CSI_INVALID_ARGUMENT');
      for (const at of [volumePath, 'relative/path']) {
        await fails(
          expandVolume({ volumeId: 'no-such-volume', volumePath: at }, signal),
          'a volume that is not there',
          'CSI_NOT_FOUND',
        );
      }
    },
  },
];
