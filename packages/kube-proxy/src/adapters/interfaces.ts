import { networkInterfaces } from 'node:os';

import type { Interfaces } from '../ports.js';

/** The addresses of this network namespace, read again at each call. */
export function createHostInterfaces(): Interfaces {
  return {
    addresses: (family) => {
      const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
      const own = all.filter((address) => address.family === family);
      return [...new Set(own.map(({ address }) => address.replace(/%.*/, '')))];
    },
  };
}
