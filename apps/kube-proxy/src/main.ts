import type { Logger } from '@nodeagent/base';
import {
  isConfigError,
  KUBERNETES_VERSION,
  parseFlags,
  renderHelp,
} from '@nodeagent/component-base';
import { createLogger, readConfigFile, signalsToAbort } from '@nodeagent/component-base/process';
import { isKubeError } from '@nodeagent/kube-client';
import { CONFIG_KIND, isProxyError } from '@nodeagent/kube-proxy';
import { isNetfilterError } from '@nodeagent/netfilter';

import { FLAGS } from './flags.js';
import { type Options, readOptions, taskOf } from './options.js';
import { stampOf } from './watch-config.js';
import { cleanUp, run, writeConfig } from './wire.js';

const PROGRAM = {
  name: 'kube-proxy',
  about: 'Makes Kubernetes Services work on this node: writes packet filter rules for them.',
};

async function main(argv: readonly string[]): Promise<void> {
  const [word, ...rest] = argv;
  if (word === 'render' || word === 'trace') {
    const { explain } = await import('./explain.js');
    for await (const piece of explain(word, rest, note)) await print(piece);
    return;
  }
  const flags = parseFlags(FLAGS, argv);
  const asked = taskOf(flags);
  if (asked === 'help') return print(renderHelp(PROGRAM, FLAGS));
  if (asked === 'version') return print(`Kubernetes ${KUBERNETES_VERSION}\n`);
  let stamp = '';
  const options = await readOptions(flags, async (path) => {
    stamp = await stampOf(path);
    return readConfigFile(path, CONFIG_KIND);
  });
  const { format, verbosity } = options.config.logging;
  const logger = createLogger({ format, verbosity, program: PROGRAM.name });
  for (const warning of options.warnings) logger.warn({}, warning);
  await perform({ options, stamp }, logger, signalsToAbort());
}

interface Work {
  readonly options: Options;
  /** Identifies the state of the configuration file when it was read. */
  readonly stamp: string;
}

async function perform(
  { options, stamp }: Work,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  switch (options.task) {
    case 'write-config':
      return writeConfig(options);
    case 'cleanup':
      return cleanUp(logger, signal);
    default:
      await run({ ...options, configStamp: stamp }, logger, signal);
      if (signal.aborted) logger.info({ why: (signal.reason as Error).message }, 'proxy ended');
  }
}

/** Resolves when more can be written: the rules of a large cluster take many megabytes. */
async function print(text: string): Promise<void> {
  await new Promise<void>((resolve) => {
    process.stdout.write(text, (error) => {
      if (error) process.exit(0); // the reader (head, a pager) has closed the pipe
      resolve();
    });
  });
}

function note(text: string): void {
  process.stderr.write(`kube-proxy: ${text}\n`);
}

/** A user's mistake needs no stack; a programming error does. */
function explain(error: unknown): string {
  const isKnown = [isConfigError, isKubeError, isProxyError, isNetfilterError].some((is) =>
    is(error),
  );
  if (!(error instanceof Error)) return String(error);
  return isKnown ? error.message : (error.stack ?? error.message);
}

try {
  await main(process.argv.slice(2));
  process.exit(0);
} catch (error) {
  process.stderr.write(`kube-proxy: ${explain(error)}\n`);
  process.exit(1);
}
