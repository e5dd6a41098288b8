import { parseGoDuration, parseTimestamp } from '@nodeagent/base';
import { ConfigError } from '@nodeagent/component-base';
import type { Pod } from '@nodeagent/kube-client';
import * as z from 'zod/mini';
import en from 'zod/v4/locales/en.js';

import {
  type ContainerObservation,
  type ContainerRunState,
  containerSpecHash,
  findContainer,
  isHostNetwork,
  type SandboxObservation,
} from '../../pod/index.js';
import type { PodState } from '../model/explanation.js';

const time = z.string().check(
  z.refine((text) => parseTimestamp(text) !== undefined, {
    error: 'must be a time like 2026-01-01T00:00:00Z',
  }),
);
const duration = z.string().check(
  z.refine((text) => parseGoDuration(text) !== undefined, {
    error: 'must be a duration like 10s',
  }),
);
const count = z._default(z.int().check(z.minimum(0)), 0);
const verdict = z.optional(z.enum(['success', 'failure', 'unknown']));
const texts = z.record(z.string(), z.string());
const named = <S extends z.ZodMiniType>(values: S) => z._default(z.record(z.string(), values), {});

const sandbox = z.strictObject({
  attempt: count,
  ready: z._default(z.boolean(), true),
  ips: z.optional(z.array(z.string())),
});

const container = z.strictObject({
  name: z.string(),
  state: z.enum(['created', 'running', 'exited', 'unknown']),
  exitCode: z._default(z.int(), 0),
  reason: z.optional(z.string()),
  startedAt: z.optional(time),
  finishedAt: z.optional(time),
  restartCount: count,
  /** The image that it was created from; default: the spec's. */
  image: z.optional(z.string()),
  /** The delay before its last restart. */
  backOff: z.optional(duration),
  probes: z._default(
    z.strictObject({ liveness: verdict, readiness: verdict, startup: verdict }),
    {},
  ),
});

const schema = z.strictObject({
  now: z.optional(time),
  /** Newest first. */
  sandboxes: z._default(z.array(sandbox), []),
  /** Runs of containers, newest first; they belong to the newest sandbox. */
  containers: z._default(z.array(container), []),
  nextPodIPs: z._default(z.array(z.string()), ['192.0.2.10']),
  node: z.prefault(
    z.strictObject({
      hostIPs: z._default(z.array(z.string()), ['192.0.2.1']),
      allocatable: z._default(texts, {}),
    }),
    {},
  ),
  images: named(
    z.strictObject({
      present: z._default(z.boolean(), true),
      user: z.optional(z.string()),
    }),
  ),
  configMaps: named(texts),
  secrets: named(texts),
  /** The PersistentVolume by the name of its claim. */
  claims: named(z.string()),
});

type Input = z.output<typeof schema>;

/**
 * Parses a state file: the runtime's view of a pod and the facts about the node that affect it.
 * Every field is optional; an empty file describes a node that has never run the pod. The default
 * of `now` is the newest time in the file.
 *
 * @param source name of the file, for messages
 * @throws {ConfigError} `CONFIG_INVALID` with every problem found
 */
export function parsePodState(input: unknown, pod: Pod, source: string): PodState {
  const { success, data, error } = schema.safeParse(input ?? {}, {
    error: en().localeError,
  });
  if (!success) {
    const problems = error.issues.map(({ path, message }) => ({ field: path.join('.'), message }));
    throw new ConfigError('CONFIG_INVALID', { source, problems });
  }
  const nowMs = timeOf(data.now) ?? newestTime(data);
  const sandboxes = data.sandboxes.map((each, at) => sandboxOf(pod, each, at));
  const containers = data.containers.map((each, at) => containerOf(pod, each, { at, nowMs }));
  const podIps = sandboxes[0]?.ready === true ? sandboxes[0].ips : [];
  return {
    nowMs,
    seen: { sandboxes, containers, podIps, observedAtMs: nowMs },
    probes: new Map(data.containers.map(({ probes }, at) => [containerId(at), defined(probes)])),
    backOffMs: new Map(
      data.containers.flatMap(({ name, backOff = '' }) => {
        const ms = parseGoDuration(backOff);
        return ms === undefined ? [] : [[name, ms] as const];
      }),
    ),
    nextIps: isHostNetwork(pod) ? [] : data.nextPodIPs,
    hostIps: data.node.hostIPs,
    allocatable: data.node.allocatable,
    images: new Map(Object.entries(data.images)),
    configMaps: new Map(Object.entries(data.configMaps)),
    secrets: new Map(Object.entries(data.secrets)),
    claims: new Map(Object.entries(data.claims)),
  };
}

function sandboxOf(pod: Pod, input: Input['sandboxes'][number], at: number): SandboxObservation {
  const network = isHostNetwork(pod) ? 'node' : 'pod';
  const ips = input.ips ?? (network === 'pod' && input.ready ? ['192.0.2.9'] : []);
  return { id: `sandbox-${at}`, ...input, ips, network, createdAtMs: -at };
}

function containerOf(
  pod: Pod,
  input: Input['containers'][number],
  { at, nowMs }: Readonly<{ at: number; nowMs: number }>,
): ContainerObservation {
  const { name, restartCount } = input;
  const image = input.image ?? findContainer(pod, name)?.spec.image ?? '';
  return {
    id: containerId(at),
    sandboxId: 'sandbox-0',
    name,
    createdAtMs: -at,
    restartCount,
    specHash: containerSpecHash({ name, image }),
    image,
    imageRef: image,
    runtimeName: 'containerd',
    state: stateOf(input, nowMs),
  };
}

function stateOf(input: Input['containers'][number], nowMs: number): ContainerRunState {
  const startedAtMs = timeOf(input.startedAt) ?? nowMs;
  switch (input.state) {
    case 'created':
    case 'unknown':
      return { kind: input.state };
    case 'running':
      return { kind: 'running', startedAtMs };
    case 'exited': {
      const { exitCode } = input;
      const reason = input.reason ?? (exitCode === 0 ? 'Completed' : 'Error');
      const finishedAtMs = timeOf(input.finishedAt) ?? nowMs;
      return { kind: 'exited', startedAtMs, finishedAtMs, exitCode, reason, message: '' };
    }
  }
}

function containerId(at: number): string {
  return `container-${at}`;
}

function timeOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseTimestamp(text);
}

function newestTime({ containers }: Input): number {
  const times = containers.flatMap(({ startedAt, finishedAt }) => [
    timeOf(startedAt) ?? 0,
    timeOf(finishedAt) ?? 0,
  ]);
  return Math.max(0, ...times);
}

/** Drops the undefined members. */
function defined<T extends object>(value: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}
