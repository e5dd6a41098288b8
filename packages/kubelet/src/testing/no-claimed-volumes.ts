import type { ClaimedVolumes } from '../volumes/index.js';

/** For pods that have no volume claims and use no CSI drivers. */
export const noClaimedVolumes: ClaimedVolumes = {
  prepare: async () => false,
  placeOf: () => undefined,
  deviceOf: () => undefined,
  groupsOf: () => [],
  figures: async () => [],
  teardown: async () => undefined,
};
