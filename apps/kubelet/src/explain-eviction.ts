import { readFile } from 'node:fs/promises';

import {
  ConfigError,
  type FlagSpec,
  flagText,
  type ParsedFlags,
  parseFlags,
  renderHelp,
} from '@nodeagent/component-base';
import type { Pod } from '@nodeagent/kube-client';
import {
  configuredThresholds,
  explainEviction,
  isSignal,
  parseKubeletConfig,
  parseSummary,
  renderEviction,
  SIGNALS,
} from '@nodeagent/kubelet';
import { readConfigFiles } from '@nodeagent/kubelet/adapters';
import { parse } from 'yaml';

const PROGRAM = {
  name: 'kubelet explain-eviction',
  about:
    'Explains which pods the kubelet would evict from a node, in which order and why. Reads the ' +
    "node's recorded figures and pods; changes nothing.",
};

const FLAGS: readonly FlagSpec[] = [
  {
    name: 'summary',
    kind: 'string',
    help: 'figures of the node: kubectl get --raw /api/v1/nodes/NODE/proxy/stats/summary',
  },
  {
    name: 'pods',
    kind: 'string',
    help: 'its pods, JSON or YAML: kubectl get pods -A --field-selector spec.nodeName=NODE -o json',
  },
  { name: 'config', kind: 'string', help: "the kubelet's configuration file" },
  {
    name: 'signal',
    kind: 'string',
    help: `order pods by this signal: ${Object.keys(SIGNALS).join(', ')}; default: the one that is short`,
  },
  { name: 'json', kind: 'boolean', help: 'print the explanation as one JSON object' },
  { name: 'help', short: 'h', kind: 'boolean', help: 'print this text, then exit' },
];

/** @returns the text to print. @throws {ConfigError} for unreadable or invalid files */
export async function runExplainEviction(argv: readonly string[]): Promise<string> {
  const flags = parseFlags(FLAGS, argv);
  if (flags.given.get('help') === true) return renderHelp(PROGRAM, FLAGS);
  const [summaryFile, podsFile] = [required(flags, 'summary'), required(flags, 'pods')];
  const signal = text(flags, 'signal');
  if (signal !== '' && !isSignal(signal)) {
    throw problem('command line', '--signal', `must be one of ${Object.keys(SIGNALS).join(', ')}`);
  }
  const path = text(flags, 'config') || undefined;
  const { file, dropIns } = await readConfigFiles(path, undefined);
  const source = path ?? 'command line';
  const { config } = parseKubeletConfig({ file, dropIns, flags: {}, source });
  const node = await read(summaryFile, parseSummary);
  const pods = await read(podsFile, podsOf);
  const by = signal === '' ? undefined : signal;
  const explanation = explainEviction(node, pods, configuredThresholds(config), by);
  return flags.given.get('json') === true
    ? `${JSON.stringify(explanation, null, 2)}\n`
    : renderEviction(explanation);
}

/** Pods that have ended use nothing and are never evicted. */
function podsOf(document: unknown): readonly Pod[] {
  const { items } = (document ?? {}) as { items?: unknown };
  if (!Array.isArray(items))
    throw new TypeError('it has no member items: it is not a list of pods');
  return (items as readonly Pod[]).filter(
    ({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed',
  );
}

async function read<T>(path: string, convert: (document: unknown) => T): Promise<T> {
  try {
    return convert(parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw problem(path, '', (cause as Error).message, cause);
  }
}

function required(flags: ParsedFlags, name: string): string {
  const given = text(flags, name);
  if (given === '') throw problem('command line', `--${name}`, 'must name a file');
  return given;
}

function text({ given }: ParsedFlags, name: string): string {
  return flagText(given.get(name));
}

function problem(source: string, field: string, message: string, cause?: unknown): ConfigError {
  const problems = [{ field, message }];
  return new ConfigError('CONFIG_INVALID', { source, problems }, { cause });
}
