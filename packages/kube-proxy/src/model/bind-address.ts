import { canonicalIp } from './address.js';

/** Where a server listens. */
export interface BindAddress {
  /** Canonical. */
  readonly host: string;
  /** Undefined: the server's usual one. */
  readonly port: number | undefined;
}

/**
 * `1.2.3.4:80`, `[::1]:80`, or the address alone.
 *
 * @returns undefined for anything else, a port that does not exist among it
 */
export function parseBindAddress(text: string): BindAddress | undefined {
  const alone = canonicalIp(text);
  if (alone !== undefined) return { host: alone, port: undefined };
  const [, v6, v4, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = canonicalIp(v6 ?? v4 ?? '');
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  return { host, port };
}
