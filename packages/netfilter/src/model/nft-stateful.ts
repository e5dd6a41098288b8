import type { NftStateful } from './nft-steps.js';
import type { NftObject } from './nftables.js';

/** Returns the step that does for one rule what the object does for all that name it. */
export function statefulOf(object: Exclude<NftObject, { type: 'ct helper' }>): NftStateful {
  const over = 'over' in object ? { over: object.over } : {};
  switch (object.type) {
    case 'counter': {
      const { packets = 0, bytes = 0 } = object;
      return { kind: 'counter', packets, bytes };
    }
    case 'quota': {
      const { bytes, used = 0 } = object;
      return { kind: 'quota', bytes, used, ...over };
    }
    case 'limit': {
      const { rate, per, unit = 'packets', burst } = object;
      return { kind: 'limit', rate, per, unit, ...(burst !== undefined && { burst }), ...over };
    }
  }
}
