import { hostname } from 'node:os';

import {
  isConfigError,
  KUBERNETES_VERSION,
  parseFlags,
  renderHelp,
} from '@nodeagent/component-base';
import { createLogger, signalsToAbort } from '@nodeagent/component-base/process';
import { isCriError } from '@nodeagent/cri-client';
import { isKubeError } from '@nodeagent/kube-client';
import { readConfigFiles } from '@nodeagent/kubelet/adapters';
import { isNodeStatusError } from '@nodeagent/node-status';

import { FLAGS } from './flags.js';
import { readOptions } from './options.js';
import { run } from './wire.js';

const PROGRAM = {
  name: 'kubelet',
  about: 'Runs the pods of this node and reports how they are.',
};

async function main(argv: readonly string[]): Promise<void> {
  const [command, ...rest] = argv;
  if (command === 'explain-pod') {
    const { runExplainPod } = await import('./explain-pod.js');
    return print(await runExplainPod(rest));
  }
  const flags = parseFlags(FLAGS, argv);
  if (flags.given.get('help') === true) return print(renderHelp(PROGRAM, FLAGS));
  if (flags.given.get('version') === true) return print(`Kubernetes ${KUBERNETES_VERSION}\n`);
  const options = await readOptions(flags, hostname(), readConfigFiles);
  const { format, verbosity } = options.config.logging;
  const log = createLogger({ format, verbosity, program: PROGRAM.name });
  for (const warning of options.warnings) log.warn({}, warning);
  const signal = signalsToAbort();
  await run(options, log, signal);
  if (signal.aborted) log.info({ why: (signal.reason as Error).message }, 'kubelet ended');
}

function print(text: string): void {
  process.stdout.write(text);
}

/** A user's mistake needs no stack; a programmer's does. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isKnown = [isConfigError, isCriError, isKubeError, isNodeStatusError].some((is) =>
    is(error),
  );
  return isKnown ? error.message : (error.stack ?? error.message);
}

try {
  await main(process.argv.slice(2));
  process.exit(0);
} catch (error) {
  process.stderr.write(`kubelet: ${explain(error)}\n`);
  process.exit(1);
}
