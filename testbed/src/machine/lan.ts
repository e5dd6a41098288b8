import type { Claim } from '../claims.ts';

/** Addresses of the virtual machines of one space: their network is a bridge in it. */
export interface LanPlan {
  /** The bridge's own address, the machines' gateway: `10.216.0.1`. */
  readonly gateway: string;
  /** `10.216.0.0/24`. */
  readonly cidr: string;
}

export interface LanMember {
  readonly address: string;
  readonly mac: string;
  /** The range for pods on it. */
  readonly podCidr: string;
}

export function planLan(index: Claim['index']): LanPlan {
  return { gateway: `10.216.${index}.1`, cidr: `10.216.${index}.0/24` };
}

/** @param number of the machine in its space, from 0 to 15 */
export function planMember(index: Claim['index'], number: number): LanMember {
  return {
    address: `10.216.${index}.${11 + number}`,
    mac: `52:54:00:d8:${hexByte(index)}:${hexByte(11 + number)}`,
    podCidr: `10.217.${index}.${number * 16}/28`,
  };
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0');
}
