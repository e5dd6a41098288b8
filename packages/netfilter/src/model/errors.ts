import { codedError, errorGuard } from '@nodeagent/base';

/**
 * `NETFILTER_COMMAND_MISSING` the program is not installed · `NETFILTER_COMMAND_FAILED` the program
 * ended with an error · `NETFILTER_LOCKED` another program holds the tables ·
 * `NETFILTER_PERMISSION` not root in this network namespace · `NETFILTER_PARSE` text in a form that
 * the tools do not print · `NETFILTER_NAME` a chain name or comment that the kernel would refuse ·
 * `NETFILTER_SET_MISSING`, `NETFILTER_SET_MISMATCH`, `NETFILTER_SET_IN_USE`, `NETFILTER_SET_FULL`,
 * `NETFILTER_SET_ENTRY` about address sets · `NETFILTER_COUNTERS` the kernel has no named counters
 * · `NETFILTER_VALUE` a value that iptables or nftables cannot take · `NETFILTER_REFUSED` the
 * kernel refused a change of a table · `NETFILTER_CHANGED` another program changed the tables
 * meanwhile · `NETFILTER_UNSUPPORTED` this kernel or `nft` is too old.
 */
export type NetfilterErrorCode =
  | 'NETFILTER_COMMAND_MISSING'
  | 'NETFILTER_COMMAND_FAILED'
  | 'NETFILTER_LOCKED'
  | 'NETFILTER_PERMISSION'
  | 'NETFILTER_PARSE'
  | 'NETFILTER_NAME'
  | 'NETFILTER_SET_MISSING'
  | 'NETFILTER_SET_MISMATCH'
  | 'NETFILTER_SET_IN_USE'
  | 'NETFILTER_SET_FULL'
  | 'NETFILTER_SET_ENTRY'
  | 'NETFILTER_COUNTERS'
  | 'NETFILTER_VALUE'
  | 'NETFILTER_REFUSED'
  | 'NETFILTER_CHANGED'
  | 'NETFILTER_UNSUPPORTED';

export interface NetfilterErrorOptions extends ErrorOptions {
  /** The program's exit code; absent when it did not run. */
  readonly exitCode?: number;
  /** Line of the input that was refused, from 1. */
  readonly line?: number;
}

export class NetfilterError extends codedError<NetfilterErrorCode>('NetfilterError') {
  readonly exitCode: number | undefined;
  /**
   * Line of the input that was refused, from 1; undefined when the program does not name it. For
   * rules that the kernel refuses, iptables-legacy names only the table's COMMIT line.
   */
  readonly line: number | undefined;

  /** @param message the action and the failure: `iptables-restore: line 4 failed` */
  constructor(code: NetfilterErrorCode, message: string, options: NetfilterErrorOptions = {}) {
    super(code, message, options);
    this.exitCode = options.exitCode;
    this.line = options.line;
  }
}

/** Matches the name and, where any are given, the codes. */
export const isNetfilterError = errorGuard(NetfilterError);

/**
 * xtables' exit code for "try again": the lock is held, or memory is short. @see iptables
 * include/xtables.h
 */
const EXIT_RESOURCE_PROBLEM = 4;

/** Chooses the error code for a failed tool run from its exit code and its output. */
export function errorFromExit(command: string, exitCode: number, stderr: string): NetfilterError {
  const text = stderr.trim();
  const message = `${command}: exit code ${exitCode}${text === '' ? '' : `: ${text}`}`;
  if (/permission denied|operation not permitted|you must be root/i.test(text)) {
    const hint = `${message} (CAP_NET_ADMIN is needed)`;
    return new NetfilterError('NETFILTER_PERMISSION', hint, { exitCode });
  }
  const line = /(?:^|\W)line:? (\d+)/.exec(text)?.[1];
  const refused = (line !== undefined || KERNEL_REFUSED.test(text)) && !TRY_AGAIN.test(text);
  const isLock = exitCode === EXIT_RESOURCE_PROBLEM && !refused;
  const code = isLock ? 'NETFILTER_LOCKED' : 'NETFILTER_COMMAND_FAILED';
  const where = line === undefined ? {} : { line: Number(line) };
  return new NetfilterError(code, message, { exitCode, ...where });
}

/**
 * iptables-nft uses the same exit code for a refused rule; only these kernel errors are temporary.
 */
const TRY_AGAIN = /Resource temporarily unavailable|Cannot allocate memory|Interrupted system call/;

/** iptables-nft's words for a single command that the kernel refused: `CHAIN_DEL failed (…)`. */
const KERNEL_REFUSED = /[A-Z]_[A-Z]+ failed \(/;

/** True when a tool reports that a chain, rule or set does not exist. */
export function saysNotFound(stderr: string): boolean {
  return NOT_FOUND.test(stderr);
}

const NOT_FOUND =
  /No chain\/target\/match by that name|No such file or directory|does a matching rule exist|does not exist/;
