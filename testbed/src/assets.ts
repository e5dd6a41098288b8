import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';

import { tryCommand } from './command.ts';
import { TestbedError } from './errors.ts';

/** The programs of a control plane, in envtest's folder layout. */
export interface Assets {
  readonly apiServer: string;
  readonly etcd: string;
  /** `1.36.2`. */
  readonly version: string;
}

/**
 * The oldest supported release: agents and API server may be three minor versions apart.
 *
 * @see kubernetes.io version skew policy
 */
const OLDEST_API_SERVER = [1, 33] as const;
/** The oldest release that the API server's own client supports. */
const OLDEST_ETCD = [3, 5] as const;

/**
 * Looks for the programs in a folder and asks each for its version.
 *
 * @param folder the value of `KUBEBUILDER_ASSETS`
 * @throws {TestbedError} `TESTBED_PROGRAM_MISSING`, `TESTBED_PROGRAM_UNUSABLE`
 */
export async function findAssets(folder: string): Promise<Assets> {
  const apiServer = join(folder, 'kube-apiserver');
  const etcd = join(folder, 'etcd');
  for (const program of [apiServer, etcd]) checkProgram(program);
  const version = await askVersion(apiServer, OLDEST_API_SERVER, /^Kubernetes v(\S+)/m);
  await askVersion(etcd, OLDEST_ETCD, /^etcd Version: (\S+)/m);
  return { apiServer, etcd, version };
}

function checkProgram(program: string): void {
  let isFile: boolean;
  try {
    isFile = statSync(program).isFile();
  } catch (cause) {
    const text = `KUBEBUILDER_ASSETS: there is no ${program}; it must name a folder with kube-apiserver and etcd`;
    throw new TestbedError('TESTBED_PROGRAM_MISSING', text, { cause });
  }
  try {
    accessSync(program, constants.X_OK);
    if (isFile) return;
  } catch (cause) {
    throw unusable(program, 'is not executable', cause);
  }
  throw unusable(program, 'is not a file');
}

async function askVersion(
  program: string,
  oldest: readonly [number, number],
  pattern: RegExp,
): Promise<string> {
  const { exitCode, stdout, stderr } = await tryCommand([program, '--version']).catch(
    (cause: unknown) => {
      throw unusable(program, `cannot be run: ${String(cause)}`, cause);
    },
  );
  const version = pattern.exec(stdout)?.[1];
  if (exitCode !== 0 || version === undefined) {
    const said = (stderr.trim() || stdout.trim() || 'nothing').slice(0, 500);
    throw unusable(
      program,
      `does not report its version; --version ended with ${exitCode}: ${said}`,
    );
  }
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const tooOld = major < oldest[0] || (major === oldest[0] && minor < oldest[1]);
  if (!tooOld) return version;
  throw unusable(program, `is of version ${version}; ${oldest.join('.')} or newer is needed`);
}

function unusable(program: string, why: string, cause?: unknown): TestbedError {
  const text = `KUBEBUILDER_ASSETS: ${program} ${why}`;
  return new TestbedError('TESTBED_PROGRAM_UNUSABLE', text, { cause });
}
