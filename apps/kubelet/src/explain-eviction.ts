import { readFile } from 'node:fs/promises';

import {
  ConfigError,
  type FlagSpec,
  flagText,
  isPlainObject,
  type ParsedFlags,
  parseFlags,
  renderHelp,
} from '@nodeagent/component-base';
import type { Pod } from '@nodeagent/kube-client';
import {
  configuredThresholds,
  explainEviction,
  isSignal,
  type KubeletConfig,
  parseKubeletConfig,
  parseSummary,
  renderEviction,
  SIGNALS,
} from '@nodeagent/kubelet';
import { readConfigFiles } from '@nodeagent/kubelet/adapters';
import { parse } from 'yaml';

import { askNode } from './node-documents.js';

const PROGRAM = {
  name: 'kubelet explain-eviction',
  about:
    'Explains which pods the kubelet would evict from a node, in which order and why: of a running ' +
    "node (--node, --kubeconfig), or from a node's recorded figures and pods (--summary, --pods). " +
    'Changes nothing.',
};

const FLAGS: readonly FlagSpec[] = [
  { name: 'node', kind: 'string', help: 'the running node to explain' },
  { name: 'kubeconfig', kind: 'string', help: 'with --node: how to reach the API server' },
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
  {
    name: 'config',
    kind: 'string',
    help: "the kubelet's configuration file; default with --node: the one that it runs with",
  },
  {
    name: 'signal',
    kind: 'string',
    help: `order pods by this signal: ${Object.keys(SIGNALS).join(', ')}; default: the one that is short`,
  },
  { name: 'json', kind: 'boolean', help: 'print the explanation as one JSON object' },
  { name: 'help', short: 'h', kind: 'boolean', help: 'print this text, then exit' },
];

/** A node, its pods, and the configuration of its kubelet. */
interface Inputs {
  readonly node: ReturnType<typeof parseSummary>;
  readonly pods: readonly Pod[];
  readonly config: KubeletConfig;
}

/**
 * @param ask reads the documents of a running node
 *
 * @returns the text to print. @throws {ConfigError} for unreadable or invalid files
 */
export async function runExplainEviction(
  argv: readonly string[],
  ask: typeof askNode = askNode,
): Promise<string> {
  const flags = parseFlags(FLAGS, argv);
  if (flags.given.get('help') === true) return renderHelp(PROGRAM, FLAGS);
  const { node, pods, config } =
    text(flags, 'node') === '' ? await recorded(flags) : await running(flags, ask);
  const signal = text(flags, 'signal');
  if (signal !== '' && !isSignal(signal)) {
    throw problem('command line', '--signal', `must be one of ${Object.keys(SIGNALS).join(', ')}`);
  }
  const by = signal === '' ? undefined : signal;
  const explanation = explainEviction(node, pods, configuredThresholds(config), by);
  return flags.given.get('json') === true
    ? `${JSON.stringify(explanation, null, 2)}\n`
    : renderEviction(explanation);
}

async function recorded(flags: ParsedFlags): Promise<Inputs> {
  const [summaryFile, podsFile] = [required(flags, 'summary'), required(flags, 'pods')];
  const config = await configOf(flags);
  const node = await read(summaryFile, parseSummary);
  return { node, pods: await read(podsFile, podsOf), config };
}

async function running(flags: ParsedFlags, ask: typeof askNode): Promise<Inputs> {
  const name = text(flags, 'node');
  for (const other of ['summary', 'pods']) {
    if (text(flags, other) === '') continue;
    throw problem('command line', `--${other}`, 'cannot be combined with --node');
  }
  const { summary, configz, pods } = await ask(name, required(flags, 'kubeconfig'));
  const value = (configz as { kubeletconfig?: unknown } | undefined)?.kubeletconfig;
  const file = { value: isPlainObject(value) ? value : {}, directory: '/' };
  const source = `/configz of node ${name}`;
  return {
    node: convert(`/stats/summary of node ${name}`, () => parseSummary(summary)),
    pods: convert(`the pods of node ${name}`, () => podsOf(pods)),
    config:
      text(flags, 'config') === ''
        ? parseKubeletConfig({ file, source }).config
        : await configOf(flags),
  };
}

async function configOf(flags: ParsedFlags): Promise<KubeletConfig> {
  const path = text(flags, 'config') || undefined;
  const { file, dropIns } = await readConfigFiles(path, undefined);
  return parseKubeletConfig({ file, dropIns, flags: {}, source: path ?? 'command line' }).config;
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

async function read<T>(path: string, parsed: (document: unknown) => T): Promise<T> {
  let document: unknown;
  try {
    document = parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw problem(path, '', (cause as Error).message, cause);
  }
  return convert(path, () => parsed(document));
}

function convert<T>(source: string, parsed: () => T): T {
  try {
    return parsed();
  } catch (cause) {
    throw problem(source, '', (cause as Error).message, cause);
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
