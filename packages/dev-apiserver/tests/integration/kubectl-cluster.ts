import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll } from 'vitest';
import { stringify } from 'yaml';

import { createTestCluster, type TestCluster } from '../../src/test-cluster.js';

export interface KubectlCluster {
  /** Returns what kubectl printed on both streams, whatever its exit code. `DIR` is the folder of files. */
  run(args: readonly string[]): Promise<string>;
  /** Writes an object to `DIR/NAME.yaml`. */
  write(name: string, object: object): Promise<void>;
}

export interface KubectlClusterOptions {
  readonly program: string;
  /** Objects by the names of their files. */
  readonly files: Readonly<Record<string, object>>;
  /** The command that `kubectl edit` calls. */
  readonly editor?: string;
}

/** Has a cluster, and files for kubectl, as long as the tests of a suite run. */
export function useKubectlCluster({
  program,
  files,
  editor = 'true',
}: KubectlClusterOptions): KubectlCluster {
  let cluster: TestCluster;
  let dir: string;
  const write = (name: string, object: object): Promise<void> =>
    writeFile(join(dir, `${name}.yaml`), stringify(object));

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'kubectl-'));
    cluster = await createTestCluster();
    await writeFile(join(dir, 'config'), cluster.kubeconfig, { mode: 0o600 });
    for (const [name, object] of Object.entries(files)) await write(name, object);
  });
  afterAll(async () => {
    await cluster.stop();
    await rm(dir, { recursive: true, force: true });
  });

  return {
    run: (args) => {
      const paths = { HOME: dir, KUBECONFIG: join(dir, 'config') };
      const env = { PATH: process.env['PATH'], ...paths, EDITOR: editor };
      const argv = args.map((arg) => arg.replaceAll('DIR', dir));
      return new Promise((resolve) => {
        execFile(program, argv, { env, timeout: 30_000 }, (_error, stdout, stderr) => {
          resolve(`${stdout}${stderr}`);
        });
      });
    },
    write,
  };
}
