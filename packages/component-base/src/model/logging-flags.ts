import type { FlagSpec, FlagValue } from './flag.js';

/**
 * The flags for logs, the same for every component.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/component-base/logs/api/v1/options.go, addFlags
 */
export const LOGGING_FLAGS: readonly FlagSpec[] = [
  {
    name: 'v',
    short: 'v',
    kind: 'integer',
    help: 'verbosity of logs: 2 has changes of state, 4 calls and their steps, 6 requests to the API server',
    path: 'logging.verbosity',
  },
  {
    name: 'vmodule',
    kind: 'map',
    help: 'part=verbosity pairs of parts of the program with a verbosity of their own, such as storage=4',
    path: 'logging.vmodule',
    convert: modulesOf,
  },
  { name: 'logging-format', kind: 'string', help: 'text or json', path: 'logging.format' },
  {
    name: 'log-flush-frequency',
    kind: 'duration',
    help: 'longest time that a log line is held back',
    path: 'logging.flushFrequency',
  },
  ...(['text', 'json'] as const).flatMap((format): FlagSpec[] => [
    {
      name: `log-${format}-split-stream`,
      kind: 'boolean',
      help: `as ${format}, write information to stdout and only warnings and errors to stderr`,
      path: `logging.options.${format}.splitStream`,
    },
    {
      name: `log-${format}-info-buffer-size`,
      kind: 'string',
      help: `as ${format} with split streams, hold back this much information: 64Ki`,
      path: `logging.options.${format}.infoBufferSize`,
    },
  ]),
];

/** @throws {Error} with the reason as its message */
function modulesOf(value: FlagValue): unknown {
  return Object.entries(value as Readonly<Record<string, string>>).map(([filePattern, text]) => {
    if (!/^\d{1,10}$/.test(text)) throw new Error(`${filePattern}=${text} has no whole number`);
    return { filePattern, verbosity: Number(text) };
  });
}
