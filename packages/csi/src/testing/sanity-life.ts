import { check, fails } from './expect.js';
import type { SanityCase, SanityContext } from './sanity-case.js';
import { withVolume } from './sanity-controller.js';

const VOLUMES = { controller: 'create-delete-volume' } as const;

interface Staged {
  readonly volumeId: string;
  /** Empty when the driver does not stage. */
  readonly stagingTargetPath: string;
  readonly publishContext: Readonly<Record<string, string>>;
  readonly volumeContext: Readonly<Record<string, string>>;
}

/**
 * Creates, attaches and stages a volume, as far as the driver supports these, and undoes it all.
 */
async function withStaged(
  context: SanityContext,
  use: (staged: Staged) => Promise<void>,
): Promise<void> {
  const { csi, signal, capability, node, controller, newStagingPath } = context;
  const attaches = controller.has('publish-unpublish-volume');
  const stages = node.has('stage-unstage-volume');
  await withVolume(context, async ({ volumeId, volumeContext }) => {
    const { nodeId } = await csi.node.getInfo({}, signal);
    const publish = { volumeId, nodeId, volumeCapability: capability, volumeContext };
    const { publishContext } = attaches
      ? await csi.controller.publishVolume(publish, signal)
      : { publishContext: {} };
    const stagingTargetPath = stages ? await newStagingPath() : '';
    const staged = { volumeId, stagingTargetPath, publishContext, volumeContext };
    if (stages) await csi.node.stageVolume({ ...staged, volumeCapability: capability }, signal);
    try {
      await use(staged);
    } finally {
      if (stages) await csi.node.unstageVolume({ volumeId, stagingTargetPath }, signal);
      if (attaches) await csi.controller.unpublishVolume({ volumeId, nodeId }, signal);
    }
  });
}

/** The life of a volume on a node, with every call made twice. */
export const lifeCases: readonly SanityCase[] = [
  {
    name: 'stages twice, publishes twice, unpublishes twice, unstages twice',
    needs: VOLUMES,
    run: (context) =>
      withStaged(context, async (staged) => {
        const { csi, signal, capability, node, newTargetPath } = context;
        const { volumeId, stagingTargetPath } = staged;
        const targetPath = await newTargetPath();
        const volumeCapability = capability;
        if (node.has('stage-unstage-volume')) {
          await csi.node.stageVolume({ ...staged, volumeCapability }, signal);
        }
        const publish = { ...staged, targetPath, volumeCapability };
        await csi.node.publishVolume(publish, signal);
        await csi.node.publishVolume(publish, signal);
        await csi.node.unpublishVolume({ volumeId, targetPath }, signal);
        await csi.node.unpublishVolume({ volumeId, targetPath }, signal);
        if (node.has('stage-unstage-volume')) {
          await csi.node.unstageVolume({ volumeId, stagingTargetPath }, signal);
        }
      }),
  },
  {
    name: 'publishes one volume at two paths, one of them read-only',
    needs: VOLUMES,
    run: (context) =>
      withStaged(context, async (staged) => {
        const { csi, signal, capability, newTargetPath } = context;
        const { volumeId } = staged;
        const paths = [await newTargetPath(), await newTargetPath()];
        for (const [i, targetPath] of paths.entries()) {
          const request = { ...staged, targetPath, readonly: i === 1 };
          await csi.node.publishVolume({ ...request, volumeCapability: capability }, signal);
        }
        for (const targetPath of paths) {
          await csi.node.unpublishVolume({ volumeId, targetPath }, signal);
        }
      }),
  },
  {
    name: 'refuses a volume for a single writer at a second path',
    needs: { ...VOLUMES, node: 'single-node-multi-writer' },
    run: (outer) => {
      const accessMode = { mode: 'single-node-single-writer' } as const;
      const context = { ...outer, capability: { ...outer.capability, accessMode } };
      return withStaged(context, async (staged) => {
        const { csi, signal, capability, newTargetPath } = context;
        const { volumeId } = staged;
        const targetPath = await newTargetPath();
        const request = { ...staged, targetPath, volumeCapability: capability };
        await csi.node.publishVolume(request, signal);
        const second = await newTargetPath();
        try {
          await csi.node.publishVolume(request, signal);
          await fails(
            csi.node.publishVolume({ ...request, targetPath: second }, signal),
            'a second path',
            'CSI_FAILED_PRECONDITION',
          );
        } finally {
          for (const path of [second, targetPath]) {
            await csi.node.unpublishVolume({ volumeId, targetPath: path }, signal);
          }
        }
      });
    },
  },
  {
    name: 'refuses to publish over something else',
    needs: VOLUMES,
    run: (context) =>
      withStaged(context, async (staged) => {
        const { csi, signal, capability, newTargetPath } = context;
        const { volumeId } = staged;
        const targetPath = await newTargetPath();
        const request = { ...staged, targetPath, volumeCapability: capability };
        await csi.node.publishVolume(request, signal);
        try {
          await fails(
            csi.node.publishVolume({ ...request, readonly: true }, signal),
            'the same path read-only',
            'CSI_ALREADY_EXISTS',
          );
        } finally {
          await csi.node.unpublishVolume({ volumeId, targetPath }, signal);
        }
      }),
  },
  {
    name: 'refuses to publish what was not staged',
    needs: { node: 'stage-unstage-volume' },
    run: async (context) => {
      const { csi, signal, capability, newTargetPath } = context;
      const targetPath = await newTargetPath();
      await withVolume(context, ({ volumeId }) =>
        fails(
          csi.node.publishVolume({ volumeId, targetPath, volumeCapability: capability }, signal),
          'without staging',
          'CSI_FAILED_PRECONDITION',
          'CSI_INVALID_ARGUMENT',
        ),
      );
    },
  },
  {
    name: 'reports the use of a published volume',
    needs: { node: 'get-volume-stats' },
    run: (context) =>
      withStaged(context, async (staged) => {
        const { csi, signal, capability, newTargetPath } = context;
        const { volumeId } = staged;
        const targetPath = await newTargetPath();
        const publish = { ...staged, targetPath, volumeCapability: capability };
        await csi.node.publishVolume(publish, signal);
        try {
          const request = { volumeId, volumePath: targetPath };
          const { usage } = await csi.node.getVolumeStats(request, signal);
          const bytes = usage.find(({ unit }) => unit === 'bytes');
          check(bytes !== undefined && bytes.total > 0, 'no size in bytes');
        } finally {
          await csi.node.unpublishVolume({ volumeId, targetPath }, signal);
        }
        await fails(
          csi.node.getVolumeStats({ volumeId, volumePath: targetPath }, signal),
          'a path where nothing is published',
          'CSI_NOT_FOUND',
        );
      }),
  },
];
