import { invalid } from './errors.js';

export const U32_MAX = 0xffff_ffff;

/** @throws {IpvsError} `IPVS_INVALID` unless the value is a whole number from `min` to `max` */
export function checkedNumber(what: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(what, value, `must be a whole number from ${min} to ${max}`);
}

export function checkedPort(what: string, value: number, min = 0): number {
  return checkedNumber(what, value, min, 0xffff);
}

/** Names of schedulers and engines: at most 15 bytes. @see Linux IP_VS_SCHEDNAME_MAXLEN */
export function checkedName(what: string, value: string): string {
  if (/^[\w-]{1,15}$/.test(value)) return value;
  throw invalid(what, value, 'must be 1 to 15 letters, digits, - or _');
}
