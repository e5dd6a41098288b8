import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { containerId, sandboxId } from '@nodeagent/cri-client';
import { findNewestContainerd, waitFor } from '@nodeagent/testbed';

import { podLogDirectory } from '../../src/runtime/plan/sandbox-config.js';
import type { RuntimeScene } from '../contract/pod-runtime/scene.js';
import { podRuntimeContract } from '../contract/pod-runtime-contract.js';
import { openContainerdNode } from '../support/containerd-node.js';
import { CALL_OF, makeSandboxElsewhere, reasonsOf } from '../support/cri-steps.js';

/** @param find the folder of the programs; the installed ones when absent */
const onContainerd = (find?: () => Promise<string>) => async (): Promise<RuntimeScene> => {
  const programs = await find?.();
  const node = await openContainerdNode({
    name: 'runtime-contract',
    ...(programs && { programs }),
  });
  const { signal } = new AbortController();
  const { runtime: cri } = node.cri;
  return {
    runtime: node.runtime,
    view: node.view,
    image: 'nodeagent.test/busybox:1',
    listens: async (id) => {
      const { logPath } = await cri.containerStatus(containerId(id), signal);
      const look = async (): Promise<boolean> =>
        (await readFile(logPath, 'utf8')).includes('listens');
      await waitFor(look, { what: 'the program to listen' });
    },
    end: async (id, { exitCode, message }) => {
      const script = `printf %s "$1" > /dev/termination-log; echo $2 > /tmp/code; mv /tmp/code /tmp/exit`;
      const command = ['sh', '-c', script, 'sh', message, String(exitCode)];
      await cri.execSync({ containerId: containerId(id), command }, signal);
    },
    makeSandboxElsewhere: (pod) => makeSandboxElsewhere(cri, pod),
    killSandbox: async (id) => {
      const { info = '{}' } = await cri.podSandboxInfo(sandboxId(id), signal);
      const { pid } = JSON.parse(info) as { pid: number };
      process.kill(pid, 'SIGKILL');
    },
    logs: async (pod) => {
      const dir = podLogDirectory(node.podLogsDir, pod);
      if (!existsSync(dir)) return [];
      const entries = await readdir(dir, { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile());
      return files.map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1)).sort();
    },
    reasons: (pod) => reasonsOf(node.events, pod),
    fail: (step, when) => node.fail(CALL_OF[step], when),
    close: () => node.stop(),
  };
};

podRuntimeContract('on containerd', onContainerd());
podRuntimeContract(
  'on the newest containerd, which streams events',
  onContainerd(findNewestContainerd),
);
