import type { ClaimedVolumes } from '../volumes/index.js';

/** For pods without claims and storage drivers. */
export const noClaimedVolumes: ClaimedVolumes = {
  prepare: async () => false,
  placeOf: () => undefined,
  teardown: async () => undefined,
};
