import { codedError, errorGuard } from '@nodeagent/base';

import { errnoName } from '../codec/errno.js';

/**
 * `NETLINK_REFUSED` the kernel answered with an errno · `NETLINK_MALFORMED` bytes that are not
 * netlink · `NETLINK_VALUE` a value that cannot be encoded · `NETLINK_TIMEOUT` no answer in time ·
 * `NETLINK_INTERRUPTED` a table changed during every attempt to read it · `NETLINK_TOO_LARGE` more
 * than the socket can send at once · `NETLINK_LOST` messages were dropped because they were not
 * read in time · `NETLINK_SOCKET` a system call on the socket failed · `NETLINK_CLOSED` used after
 * it was closed · `NETLINK_NO_FAMILY` no such generic netlink family · `NETLINK_ADDON_MISSING`
 * the native add-on is not installed, or was left behind by a bundler.
 */
export type NetlinkErrorCode =
  | 'NETLINK_REFUSED'
  | 'NETLINK_MALFORMED'
  | 'NETLINK_VALUE'
  | 'NETLINK_TIMEOUT'
  | 'NETLINK_INTERRUPTED'
  | 'NETLINK_TOO_LARGE'
  | 'NETLINK_LOST'
  | 'NETLINK_SOCKET'
  | 'NETLINK_CLOSED'
  | 'NETLINK_NO_FAMILY'
  | 'NETLINK_ADDON_MISSING';

/** The kernel's error number, beside the cause. */
export interface NetlinkErrorOptions extends ErrorOptions {
  /** Positive, as in errno(3). */
  readonly errno?: number;
}

export class NetlinkError extends codedError<NetlinkErrorCode>('NetlinkError') {
  /** Positive; absent when the error did not come from the kernel. */
  readonly errno: number | undefined;

  constructor(code: NetlinkErrorCode, message: string, options: NetlinkErrorOptions = {}) {
    super(code, message, options);
    this.errno = options.errno;
  }

  /** `ENOENT`; undefined without an errno. */
  get errnoName(): string | undefined {
    return this.errno === undefined ? undefined : errnoName(this.errno);
  }
}

/** Matches the name and, where any are given, the codes. */
export const isNetlinkError = errorGuard(NetlinkError);

/** Reports whether this is the kernel's refusal for one of these reasons, e.g. `ENOENT`. */
export function isRefusal(value: unknown, ...names: readonly string[]): value is NetlinkError {
  if (!isNetlinkError(value, 'NETLINK_REFUSED')) return false;
  return value.errno !== undefined && names.includes(errnoName(value.errno));
}
