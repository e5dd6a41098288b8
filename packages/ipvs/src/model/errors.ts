import { codedError, errorGuard } from '@nodeagent/base';

/**
 * `IPVS_UNAVAILABLE` this kernel has no IPVS · `IPVS_PERMISSION` CAP_NET_ADMIN in the first user
 * namespace is missing · `IPVS_INVALID` a value that the kernel would refuse, or did ·
 * `IPVS_SERVICE_EXISTS`, `IPVS_SERVICE_MISSING`, `IPVS_DESTINATION_EXISTS`,
 * `IPVS_DESTINATION_MISSING` · `IPVS_SCHEDULER_UNKNOWN` no such scheduler or persistence engine,
 * neither as a module nor built in · `IPVS_FAMILY` an address family that does not fit or that the
 * kernel lacks · `IPVS_DAEMON_RUNNING`, `IPVS_DAEMON_STOPPED`, `IPVS_INTERFACE_MISSING` about
 * synchronisation daemons · `IPVS_NO_MEMORY` · `IPVS_PARTIAL` some operations of a plan failed, the
 * others are done · `IPVS_BUSY` the tables changed each time they were read · `IPVS_CLOSED` used
 * after `close()` · `IPVS_REPLIES_LOST` the result in the kernel is unknown: list and compare ·
 * `IPVS_PROTOCOL` a reply that cannot be read · `IPVS_PARSE` text in a form that `ipvsadm -S` does
 * not print · `IPVS_SYSTEM` any other error number.
 */
export type IpvsErrorCode =
  | 'IPVS_UNAVAILABLE'
  | 'IPVS_PERMISSION'
  | 'IPVS_INVALID'
  | 'IPVS_SERVICE_EXISTS'
  | 'IPVS_SERVICE_MISSING'
  | 'IPVS_DESTINATION_EXISTS'
  | 'IPVS_DESTINATION_MISSING'
  | 'IPVS_SCHEDULER_UNKNOWN'
  | 'IPVS_FAMILY'
  | 'IPVS_DAEMON_RUNNING'
  | 'IPVS_DAEMON_STOPPED'
  | 'IPVS_INTERFACE_MISSING'
  | 'IPVS_NO_MEMORY'
  | 'IPVS_PARTIAL'
  | 'IPVS_BUSY'
  | 'IPVS_CLOSED'
  | 'IPVS_REPLIES_LOST'
  | 'IPVS_PROTOCOL'
  | 'IPVS_PARSE'
  | 'IPVS_SYSTEM';

/** The kernel's reason, beside the cause. */
export interface IpvsErrorOptions extends ErrorOptions {
  /**
   * The kernel's error number, positive; absent when the kernel was not asked or did not answer.
   */
  readonly errno?: number;
}

export class IpvsError extends codedError<IpvsErrorCode>('IpvsError') {
  readonly errno: number | undefined;

  /** @param message the action, the failure and, where known, the remedy */
  constructor(code: IpvsErrorCode, message: string, options: IpvsErrorOptions = {}) {
    super(code, message, options);
    this.errno = options.errno;
  }
}

/** Matches the name and, where any are given, the codes. */
export const isIpvsError = errorGuard(IpvsError);

/** Makes the error for a value refused before the kernel is asked. */
export function invalid(what: string, value: unknown, rule: string): IpvsError {
  return new IpvsError('IPVS_INVALID', `${what} ${JSON.stringify(value)}: ${rule}`);
}
