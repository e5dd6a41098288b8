import type { Volume } from '../codec/volume.js';
import { isCsiError } from '../model/errors.js';
import { check, fails } from './expect.js';
import type { SanityCase, SanityContext } from './sanity-case.js';

const VOLUMES = { controller: 'create-delete-volume' } as const;
const NOBODY = 'no-such-volume';

/** Creates a volume, passes it to `use`, and deletes it in any case. */
export async function withVolume(
  context: SanityContext,
  use: (volume: Volume) => Promise<void>,
  bytes = context.volumeBytes,
): Promise<void> {
  const { csi, signal, capability, parameters } = context;
  const { volume } = await csi.controller.createVolume(
    {
      name: context.newName(),
      capacityRange: { requiredBytes: bytes, limitBytes: 0 },
      volumeCapabilities: [capability],
      parameters,
    },
    signal,
  );
  check(volume !== undefined && volume.volumeId !== '', 'CreateVolume gave no volume id');
  try {
    await use(volume);
  } finally {
    await deleteWhenUnused(context, volume.volumeId);
  }
}

const MOST_DELETIONS = 100;

/** Repeats the call while the volume is in use, as the specification asks of orchestrators. */
async function deleteWhenUnused(
  { csi, signal, pause }: SanityContext,
  volumeId: string,
): Promise<void> {
  for (let left = MOST_DELETIONS; ; left -= 1) {
    try {
      await csi.controller.deleteVolume({ volumeId }, signal);
      return;
    } catch (error) {
      const isInUse = isCsiError(error, 'CSI_FAILED_PRECONDITION');
      if (!isInUse || pause === undefined || left === 0) throw error;
      await pause();
    }
  }
}

/** @see the CSI specification 1.9, "Controller Service RPC" */
export const controllerCases: readonly SanityCase[] = [
  {
    name: 'refuses to create a volume without a name',
    needs: VOLUMES,
    run: ({ csi, signal, capability }) =>
      fails(
        csi.controller.createVolume({ volumeCapabilities: [capability] }, signal),
        'without a name',
        'CSI_INVALID_ARGUMENT',
      ),
  },
  {
    name: 'refuses to create a volume without capabilities',
    needs: VOLUMES,
    run: ({ csi, signal, newName }) =>
      fails(
        csi.controller.createVolume({ name: newName() }, signal),
        'without capabilities',
        'CSI_INVALID_ARGUMENT',
      ),
  },
  {
    name: 'refuses a limit below the size required',
    needs: VOLUMES,
    run: ({ csi, signal, newName, capability, parameters, volumeBytes }) =>
      fails(
        csi.controller.createVolume(
          {
            name: newName(),
            volumeCapabilities: [capability],
            parameters,
            capacityRange: { requiredBytes: volumeBytes, limitBytes: volumeBytes - 1 },
          },
          signal,
        ),
        'limit below required',
        'CSI_INVALID_ARGUMENT',
        'CSI_OUT_OF_RANGE',
      ),
  },
  {
    name: 'yields the same volume for the same name',
    needs: VOLUMES,
    run: async (context) => {
      const { csi, signal, newName, capability, parameters, volumeBytes } = context;
      const request = {
        name: newName(),
        volumeCapabilities: [capability],
        parameters,
        capacityRange: { requiredBytes: volumeBytes, limitBytes: 0 },
      };
      const first = await csi.controller.createVolume(request, signal);
      const volumeId = first.volume?.volumeId ?? '';
      try {
        const again = await csi.controller.createVolume(request, signal);
        check(again.volume?.volumeId === volumeId, 'the second call made another volume');
        check((first.volume?.capacityBytes ?? 0) >= volumeBytes, 'the volume is too small');
        const larger = { requiredBytes: volumeBytes * 4, limitBytes: 0 };
        await fails(
          csi.controller.createVolume({ ...request, capacityRange: larger }, signal),
          'the same name with another size',
          'CSI_ALREADY_EXISTS',
        );
      } finally {
        await csi.controller.deleteVolume({ volumeId }, signal);
      }
    },
  },
  {
    name: 'deletes a volume twice, and one that never was',
    needs: VOLUMES,
    run: async (context) => {
      const { csi, signal } = context;
      let volumeId = '';
      await withVolume(context, async (volume) => void (volumeId = volume.volumeId));
      await csi.controller.deleteVolume({ volumeId }, signal);
      await csi.controller.deleteVolume({ volumeId: NOBODY }, signal);
      await fails(csi.controller.deleteVolume({}, signal), 'without an id', 'CSI_INVALID_ARGUMENT');
    },
  },
  {
    name: 'confirms the capabilities that a volume was made for',
    needs: VOLUMES,
    run: async (context) => {
      const { csi, signal, capability } = context;
      const { controller } = csi;
      const volumeCapabilities = [capability];
      await withVolume(context, async ({ volumeId, volumeContext }) => {
        const request = { volumeId, volumeContext, volumeCapabilities };
        const { confirmed } = await controller.validateVolumeCapabilities(request, signal);
        check(confirmed?.volumeCapabilities.length === 1, 'the capability is not confirmed');
        await fails(
          controller.validateVolumeCapabilities({ volumeId }, signal),
          'without capabilities',
          'CSI_INVALID_ARGUMENT',
        );
      });
      await fails(
        controller.validateVolumeCapabilities({ volumeCapabilities }, signal),
        'without an id',
        'CSI_INVALID_ARGUMENT',
      );
      await fails(
        controller.validateVolumeCapabilities({ volumeId: NOBODY, volumeCapabilities }, signal),
        'of a volume that is not there',
        'CSI_NOT_FOUND',
      );
    },
  },
  {
    name: 'lists volumes page by page',
    needs: { controller: 'list-volumes' },
    run: async (context) => {
      const { csi, signal } = context;
      const three = async (use: (ids: readonly string[]) => Promise<void>): Promise<void> =>
        withVolume(context, (a) =>
          withVolume(context, (b) =>
            withVolume(context, (c) => use([a.volumeId, b.volumeId, c.volumeId])),
          ),
        );
      await three(async (ids) => {
        const seen: string[] = [];
        let startingToken = '';
        do {
          const page = await csi.controller.listVolumes({ maxEntries: 2, startingToken }, signal);
          check(page.entries.length <= 2, `a page of two has ${page.entries.length}`);
          seen.push(...page.entries.map(({ volume }) => volume?.volumeId ?? ''));
          startingToken = page.nextToken;
        } while (startingToken !== '');
        check(new Set(seen).size === seen.length, 'a volume is listed twice');
        for (const id of ids) check(seen.includes(id), `volume ${id} is not listed`);
      });
      await fails(
        csi.controller.listVolumes({ startingToken: 'no page gave this' }, signal),
        'a token of no page',
        'CSI_ABORTED',
      );
      await fails(
        csi.controller.listVolumes({ maxEntries: -1 }, signal),
        'a page of less than nothing',
        'CSI_INVALID_ARGUMENT',
      );
    },
  },
  {
    name: 'gets a volume',
    needs: { controller: 'get-volume' },
    run: async (context) => {
      const { csi, signal } = context;
      await withVolume(context, async ({ volumeId }) => {
        const { volume } = await csi.controller.getVolume({ volumeId }, signal);
        check(volume?.volumeId === volumeId, 'another volume came');
      });
      await fails(
        csi.controller.getVolume({ volumeId: NOBODY }, signal),
        'a volume that is not there',
        'CSI_NOT_FOUND',
      );
    },
  },
  {
    name: 'reports how much space is left',
    needs: { controller: 'get-capacity' },
    run: async ({ csi, signal }) => {
      const { availableCapacity } = await csi.controller.getCapacity({}, signal);
      check(availableCapacity >= 0, `${availableCapacity} bytes are left`);
    },
  },
  {
    name: 'grows a volume, and never shrinks it',
    needs: { controller: 'expand-volume' },
    run: async (context) => {
      const { csi, signal, capability, volumeBytes } = context;
      await withVolume(context, async ({ volumeId }) => {
        const grow = (requiredBytes: number) =>
          csi.controller.expandVolume(
            {
              volumeId,
              capacityRange: { requiredBytes, limitBytes: 0 },
              volumeCapability: capability,
            },
            signal,
          );
        const { capacityBytes } = await grow(volumeBytes * 2);
        check(capacityBytes >= volumeBytes * 2, `it has ${capacityBytes} bytes`);
        check((await grow(volumeBytes * 2)).capacityBytes === capacityBytes, 'it grew again');
        check((await grow(volumeBytes)).capacityBytes === capacityBytes, 'it shrank');
        await fails(
          csi.controller.expandVolume({ volumeId }, signal),
          'without a size',
          'CSI_INVALID_ARGUMENT',
        );
      });
      const capacityRange = { requiredBytes: volumeBytes, limitBytes: 0 };
      await fails(
        csi.controller.expandVolume({ volumeId: NOBODY, capacityRange }, signal),
        'a volume that is not there',
        'CSI_NOT_FOUND',
      );
    },
  },
  {
    name: 'attaches a volume to this node, twice, and refuses unknown volumes and nodes',
    needs: { controller: 'publish-unpublish-volume' },
    run: async (context) => {
      const { csi, signal, capability } = context;
      const { controller } = csi;
      const { nodeId } = await csi.node.getInfo({}, signal);
      const volumeCapability = capability;
      await withVolume(context, async ({ volumeId }) => {
        const request = { volumeId, nodeId, volumeCapability };
        const first = await controller.publishVolume(request, signal);
        const again = await controller.publishVolume(request, signal);
        const same = JSON.stringify(first.publishContext) === JSON.stringify(again.publishContext);
        check(same, 'the second call gave another publish context');
        await fails(
          controller.publishVolume({ volumeId, nodeId: 'no-such-node', volumeCapability }, signal),
          'to a node that is not there',
          'CSI_NOT_FOUND',
        );
        await controller.unpublishVolume({ volumeId, nodeId }, signal);
        await controller.unpublishVolume({ volumeId, nodeId }, signal);
      });
      const absent = { volumeId: NOBODY, nodeId, volumeCapability };
      await fails(controller.publishVolume(absent, signal), 'an unknown volume', 'CSI_NOT_FOUND');
      await fails(controller.publishVolume({}, signal), 'nothing', 'CSI_INVALID_ARGUMENT');
      await fails(controller.unpublishVolume({}, signal), 'nothing', 'CSI_INVALID_ARGUMENT');
    },
  },
  {
    name: 'makes one snapshot for one name, and deletes it twice',
    needs: { controller: 'create-delete-snapshot' },
    run: async (context) => {
      const { csi, signal, newName } = context;
      const { controller } = csi;
      await withVolume(context, (a) =>
        withVolume(context, async (b) => {
          const request = { name: newName(), sourceVolumeId: a.volumeId };
          const { snapshot } = await controller.createSnapshot(request, signal);
          const again = await controller.createSnapshot(request, signal);
          check(again.snapshot?.snapshotId === snapshot?.snapshotId, 'there are two snapshots');
          await fails(
            controller.createSnapshot({ ...request, sourceVolumeId: b.volumeId }, signal),
            'the same name of another volume',
            'CSI_ALREADY_EXISTS',
          );
          const snapshotId = snapshot?.snapshotId ?? '';
          await controller.deleteSnapshot({ snapshotId }, signal);
          await controller.deleteSnapshot({ snapshotId }, signal);
        }),
      );
      await fails(controller.createSnapshot({}, signal), 'nothing', 'CSI_INVALID_ARGUMENT');
      await fails(controller.deleteSnapshot({}, signal), 'nothing', 'CSI_INVALID_ARGUMENT');
    },
  },
];
