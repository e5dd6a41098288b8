import { createSystemClock } from '@nodeagent/base/system';

import { MemoryRuntime } from '../../src/testing/index.js';
import { EXEC, runtimeContract } from './runtime-contract.js';

runtimeContract('in-memory runtime', async () => {
  const runtime = new MemoryRuntime({ clock: createSystemClock() });
  const [, , talk] = EXEC.talk;
  runtime.program('obedient', {
    stopExitCode: 3,
    exec: (command) =>
      command[2] === talk
        ? { stdout: 'out\n', stderr: 'err\n', exitCode: 5 }
        : new Promise(() => undefined),
  });
  runtime.program('stubborn', { stopsAfterMs: 'never' });
  runtime.program('task', { runsMs: 0, exit: { exitCode: 7 } });
  runtime.program('missing', { startFailure: 'exec: "/no/such/program": not found' });
  runtime.images.add('docker.io/library/busybox:1');
  return {
    runtime,
    images: runtime.images,
    image: 'docker.io/library/busybox:1',
    logDirectory: (podName) => `/var/log/pods/${podName}`,
    listens: async () => undefined,
    killSandbox: async (id) => runtime.killSandbox(id),
    close: async () => undefined,
  };
});
