import { join, resolve } from 'node:path';

import { type Claim, takeClaim } from './claims.ts';
import { type CommandOptions, type CommandResult, runCommand, tryCommand } from './command.ts';
import { TestbedError } from './errors.ts';
import {
  createNodeNetns,
  enterNetns,
  machineHasIpv6,
  netnsPath,
  type NodeNetwork,
  planNodeNetwork,
} from './node-network.ts';
import { createProcSys, PROC_SYS } from './proc-sys.ts';
import { startProcess, type TestProcess } from './processes.ts';
import { MARK, sweepClaim, sweepLeftovers } from './sweep.ts';

/** Files of running testbeds; caches that outlive them are beside it. */
const BASE_DIR = resolve(import.meta.dirname, '../../.cache/testbed');

const PROC_SYS_DIR = 'proc-sys';

/**
 * A place for one node's programs: a folder, and a network namespace joined to this machine, which
 * can reach its node, pod and Service addresses. Removing the space removes everything that was
 * started in it. If this process is killed instead, the next testbed on this machine removes it.
 */
export interface NodeSpace {
  /** Unique; also the name of its network namespace and of the cgroup for its pods. */
  readonly id: string;
  /** 0 to 199: the part of its addresses that no other space on this machine has. */
  readonly index: number;
  /** For files of any size. */
  readonly dir: string;
  /** For unix sockets: a short path. */
  readonly runDir: string;
  readonly netnsPath: string;
  /** Files that kubelets in the space change in place of the machine's kernel settings. */
  readonly procSys: string;
  readonly network: NodeNetwork;
  /** Once it fires, nothing more starts here, and all waiting ends. */
  readonly signal: AbortSignal;
  /** Runs a command in the network namespace; rejects when it fails. */
  run(argv: readonly string[], options?: CommandOptions): Promise<string>;
  /** Runs a command too, but any exit code is a result. */
  try(argv: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Starts a program in the network namespace; its output goes to `logs/<name>.log`. */
  start(
    name: string,
    argv: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<TestProcess>;
  remove(): Promise<void>;
}

export interface NodeSpaceOptions {
  /** The start of the folder's name: `demo`. */
  readonly name: string;
  /** When absent, both families if the machine has them. */
  readonly ipFamilies?: readonly ('ipv4' | 'ipv6')[];
  /** Ends all waiting in the space; the caller still has to remove it. */
  readonly signal?: AbortSignal;
}

/** @throws {TestbedError} `TESTBED_NOT_ROOT`, `TESTBED_PROGRAM_MISSING` */
export async function createNodeSpace(options: NodeSpaceOptions): Promise<NodeSpace> {
  if (process.getuid?.() !== 0) {
    throw new TestbedError('TESTBED_NOT_ROOT', 'network namespaces and containers need root');
  }
  await sweepLeftovers();
  const claim = await takeClaim(BASE_DIR, options.name);
  const withIpv6 = machineHasIpv6() && options.ipFamilies?.includes('ipv6') !== false;
  const network = planNodeNetwork(claim.index, withIpv6);
  try {
    await createProcSys(join(claim.dir, PROC_SYS_DIR));
    await createNodeNetns(claim.id, network);
  } catch (error) {
    await sweepClaim(claim);
    throw error;
  }
  return openSpace(claim, network, options.signal ?? new AbortController().signal);
}

function openSpace(claim: Claim, network: NodeNetwork, signal: AbortSignal): NodeSpace {
  const { id, index, dir, runDir } = claim;
  const procSys = join(dir, PROC_SYS_DIR);
  const enter = (argv: readonly string[]) => {
    signal.throwIfAborted();
    return [...enterNetns(id), ...argv];
  };
  const marked = (env: Readonly<Record<string, string>> = {}) => ({
    ...env,
    [MARK]: id,
    [PROC_SYS]: procSys,
  });
  return {
    id,
    index,
    dir,
    runDir,
    procSys,
    network,
    signal,
    netnsPath: netnsPath(id),
    run: async (argv, options) =>
      runCommand(enter(argv), { ...options, env: marked(options?.env) }),
    try: async (argv, options) =>
      tryCommand(enter(argv), { ...options, env: marked(options?.env) }),
    start: async (name, argv, env) =>
      startProcess({
        argv: enter(argv),
        env: marked(env),
        logFile: join(dir, 'logs', `${name}.log`),
      }),
    remove: () => sweepClaim(claim),
  };
}
