import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';

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
  crashLoopRules,
  explainPod,
  type ExplainSettings,
  type NodeMachine,
  parseKubeletConfig,
  parsePodManifest,
  parsePodState,
  pullRules,
  renderExplanation,
  runtimeSettings,
} from '@nodeagent/kubelet';
import { readConfigFiles } from '@nodeagent/kubelet/adapters';
import { defaultPod } from '@nodeagent/pod-rules';
import { parse } from 'yaml';

const PROGRAM = {
  name: 'kubelet explain-pod',
  about:
    'Explains how the kubelet would act on a pod: its next steps, their reasons, and the calls to the ' +
    'container runtime. Changes nothing; needs no root, runtime or cluster.',
};

const FLAGS: readonly FlagSpec[] = [
  { name: 'filename', short: 'f', kind: 'string', help: 'manifest of the pod, YAML or JSON' },
  {
    name: 'state',
    kind: 'string',
    help: 'state of the pod on its node, YAML or JSON; default: a node that has never run it',
  },
  { name: 'config', kind: 'string', help: "the kubelet's configuration file" },
  {
    name: 'root-dir',
    kind: 'string',
    default: '/var/lib/kubelet',
    help: "directory for pods' files",
  },
  { name: 'json', kind: 'boolean', help: 'print the explanation as one JSON object' },
  { name: 'help', short: 'h', kind: 'boolean', help: 'print this text, then exit' },
];

/** @returns the text to print. @throws {ConfigError} for unreadable or invalid files */
export async function runExplainPod(argv: readonly string[]): Promise<string> {
  const flags = parseFlags(FLAGS, argv);
  if (flags.given.get('help') === true) return renderHelp(PROGRAM, FLAGS);
  const manifest = text(flags, 'filename');
  if (manifest === '') throw problem('command line', '--filename', 'must name a manifest');
  const pod = completed(await readManifest(manifest), manifest);
  const stateFile = text(flags, 'state');
  const raw = stateFile === '' ? {} : await readYaml(stateFile);
  const state = parsePodState(raw, pod, stateFile);
  const explanation = await explainPod(pod, state, await settingsOf(flags));
  return flags.given.get('json') === true
    ? `${JSON.stringify(explanation, null, 2)}\n`
    : renderExplanation(explanation);
}

/** Typical values: these facts about the machine barely affect an explanation. */
const ANY_MACHINE: Pick<NodeMachine, 'memoryBytes' | 'cgroupVersion' | 'runtime'> = {
  memoryBytes: totalmem(),
  cgroupVersion: 2,
  runtime: {
    hugepageKib: [],
    maskedPaths: [],
    selinux: false,
    swapBytes: 0,
    limitsSwap: { v1: false, v2: false },
  },
};

async function settingsOf(flags: ParsedFlags): Promise<ExplainSettings> {
  const path = text(flags, 'config') || undefined;
  const { file, dropIns } = await readConfigFiles(path, undefined);
  const source = path ?? 'command line';
  const { config } = parseKubeletConfig({ file, dropIns, flags: {}, source });
  const rootDir = text(flags, 'root-dir') || '/var/lib/kubelet';
  return {
    runtime: runtimeSettings(config, { rootDir, nodeIps: [] }, ANY_MACHINE),
    pulls: pullRules(config),
    crashLoopRules: crashLoopRules(config),
    cgroups: { driver: config.cgroupDriver, root: config.cgroupRoot },
    rootDir,
    resolvConf: '',
  };
}

/** Fills in what the API server would. */
function completed(manifest: Pod, source: string): Pod {
  const pod = structuredClone(manifest);
  if (pod.spec?.containers === undefined) throw problem(source, 'spec.containers', 'must be given');
  defaultPod(pod.spec);
  const { name = 'unnamed', namespace = 'default', uid = NO_UID } = pod.metadata ?? {};
  return { ...pod, metadata: { ...pod.metadata, name, namespace, uid } };
}

/** For a pod that no API server has seen. */
const NO_UID = '00000000-0000-0000-0000-000000000000';

async function readManifest(path: string): Promise<Pod> {
  const source = await readText(path);
  try {
    return parsePodManifest(source);
  } catch (cause) {
    throw problem(path, '', (cause as Error).message, cause);
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw problem(path, '', (cause as Error).message, cause);
  }
}

async function readYaml(path: string): Promise<unknown> {
  const source = await readText(path);
  try {
    return parse(source);
  } catch (cause) {
    throw problem(path, '', (cause as Error).message, cause);
  }
}

function text({ given }: ParsedFlags, name: string): string {
  return flagText(given.get(name));
}

function problem(source: string, field: string, message: string, cause?: unknown): ConfigError {
  const problems = [{ field, message }];
  return new ConfigError('CONFIG_INVALID', { source, problems }, { cause });
}
