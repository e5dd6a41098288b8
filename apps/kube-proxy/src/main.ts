import { isConfigError, type ParsedFlags } from '@nodeagent/component-base';
import { type Logs, readConfigFile, startProgram } from '@nodeagent/component-base/process';
import { isKubeError } from '@nodeagent/kube-client';
import { CONFIG_KIND, isProxyError } from '@nodeagent/kube-proxy';
import { isNetfilterError } from '@nodeagent/netfilter';

import type { ExplainCommand } from './explain.js';
import { FLAGS } from './flags.js';
import { type Options, readOptions } from './options.js';
import { stampOf } from './watch-config.js';
import { cleanUp, run, writeConfig } from './wire.js';

interface Work extends Options {
  /** Identifies the state of the configuration file when it was read. */
  readonly configStamp: string;
}

async function readWork(flags: ParsedFlags): Promise<Work> {
  let configStamp = '';
  const options = await readOptions(flags, async (path) => {
    configStamp = await stampOf(path);
    return readConfigFile(path, CONFIG_KIND);
  });
  return { ...options, configStamp };
}

function perform(work: Work, logs: Logs, signal: AbortSignal): Promise<void> {
  switch (work.task) {
    case 'write-config':
      return writeConfig(work);
    case 'cleanup':
      return cleanUp(logs.log, signal);
    case 'init-only':
    case 'run':
      return run(work, logs, signal);
  }
}

/** Loaded for the commands that need it only. */
const explain = (word: ExplainCommand) =>
  async function* (argv: readonly string[], note: (line: string) => void) {
    const { explain: pieces } = await import('./explain.js');
    yield* pieces(word, argv, note);
  };

await startProgram({
  text: {
    name: 'kube-proxy',
    about: 'Makes Kubernetes Services work on this node: writes packet filter rules for them.',
  },
  flags: FLAGS,
  commands: { render: explain('render'), trace: explain('trace') },
  readOptions: readWork,
  run: perform,
  expected: [isConfigError, isKubeError, isProxyError, isNetfilterError],
});
