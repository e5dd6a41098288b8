import { hostname } from 'node:os';

import { isConfigError } from '@nodeagent/component-base';
import { startProgram } from '@nodeagent/component-base/process';
import { isCriError } from '@nodeagent/cri-client';
import { isKubeError } from '@nodeagent/kube-client';
import { isKernelSettingError } from '@nodeagent/kubelet';
import { readConfigFiles } from '@nodeagent/kubelet/adapters';
import { isNodeStatusError } from '@nodeagent/node-status';

import { FLAGS } from './flags.js';
import { readOptions } from './options.js';
import { run } from './wire.js';

await startProgram({
  text: {
    name: 'kubelet',
    about: 'Runs the pods of this node and reports their status.',
  },
  flags: FLAGS,
  commands: {
    'explain-pod': async function* (argv) {
      const { runExplainPod } = await import('./explain-pod.js');
      yield await runExplainPod(argv);
    },
    'explain-eviction': async function* (argv) {
      const { runExplainEviction } = await import('./explain-eviction.js');
      yield await runExplainEviction(argv);
    },
  },
  readOptions: (flags) => readOptions(flags, hostname(), readConfigFiles),
  run,
  expected: [isConfigError, isCriError, isKernelSettingError, isKubeError, isNodeStatusError],
});
