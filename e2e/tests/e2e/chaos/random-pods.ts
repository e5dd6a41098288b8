import type { Pod } from '@nodeagent/kube-client';
import type { Dice } from '@nodeagent/testbed/chance';

/** The behaviour of a container's program, as far as the spec determines its final state. */
type Program = 'serves' | 'stubborn' | 'succeeds' | 'fails';

export interface PlannedContainer {
  readonly name: string;
  readonly program: Program;
  /** True when its own probe or hook, or a change of its memory, may restart it. */
  readonly unsteady: boolean;
  /** The initial requests; only a container with requests may get other amounts. */
  readonly amounts?: Amounts;
}

/** The resources of a container: `cpu` in thousandths of a core, `memory` in MiB. */
export interface Amounts {
  readonly cpuRequest: number;
  readonly cpuLimit: number;
  /** Request and limit. */
  readonly memory: number;
  /** All that the node has, some of which other pods use. */
  readonly tooMuch?: boolean;
}

/** A pod with its expected final state. */
export interface PlannedPod {
  readonly name: string;
  readonly manifest: Pod;
  readonly containers: readonly PlannedContainer[];
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
}

const IMAGE = 'nodeagent.test/busybox:1';

const SCRIPTS: Readonly<Record<Program, (seconds: number) => string>> = {
  serves: () => "trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done",
  stubborn: () => "trap '' TERM; while :; do sleep 1000 & wait $!; done",
  succeeds: (seconds) => `sleep ${seconds}; exit 0`,
  fails: (seconds) => `sleep ${seconds}; echo went wrong > /dev/termination-log; exit 3`,
};

/** Maximum requests of the containers of one pod, in thousandths of a core. */
const MOST_CPU = 8;

const PATIENT = { timeoutSeconds: 60, failureThreshold: 10 };

/**
 * @param namespace of the test; @param nodeName the node that the pod is bound to from the start
 */
export function randomPod(
  dice: Dice,
  { name, namespace, nodeName }: { name: string; namespace: string; nodeName: string },
): PlannedPod {
  const restartPolicy = dice.pick(['Always', 'Always', 'OnFailure', 'Never'] as const);
  const parts = Array.from({ length: dice.between(1, 2) }, (_, i) =>
    randomContainer(dice, { name: `c${i}`, restartPolicy }),
  );
  const inits = Array.from({ length: dice.oneIn(3) ? dice.between(1, 2) : 0 }, (_, i) => {
    return { name: `i${i}`, fails: dice.oneIn(8) };
  });
  const sidecar = dice.oneIn(4);
  const manifest: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      nodeName,
      restartPolicy,
      terminationGracePeriodSeconds: dice.between(1, 3),
      volumes: [{ name: 'scratch', emptyDir: dice.oneIn(3) ? { medium: 'Memory' } : {} }],
      initContainers: [
        ...(sidecar ? [sidecarSpec(dice)] : []),
        ...inits.map((init) =>
          container(init.name, init.fails ? 'sleep 0.2; exit 4' : 'sleep 0.2'),
        ),
      ],
      containers: parts.map(({ spec }) => spec),
    },
  };
  const containers = parts.map(({ planned }) => planned);
  const blocked = inits.some(({ fails }) => fails);
  const phase = blocked
    ? restartPolicy === 'Never'
      ? 'Failed'
      : 'Pending'
    : phaseOf(containers, restartPolicy);
  return { name, manifest, containers, phase };
}

/**
 * Returns other amounts for a container with amounts; occasionally more than the node can give
 * beside other pods. An API server refuses amounts that its node could not give even to a single
 * pod.
 *
 * @param nodeCpu CPU for all pods of the node together, in thousandths of a core
 */
export function randomChange(dice: Dice, nodeCpu: number): Amounts {
  const amounts = randomAmounts(dice);
  if (!dice.oneIn(6)) return amounts;
  const cpuRequest = nodeCpu - MOST_CPU;
  return { ...amounts, cpuRequest, cpuLimit: cpuRequest + 1000, tooMuch: true };
}

/** The amounts in the form of a container's spec. */
export function resourcesOf({
  cpuRequest,
  cpuLimit,
  memory,
}: Amounts): NonNullable<Spec['resources']> {
  return {
    requests: { cpu: `${cpuRequest}m`, memory: `${memory}Mi` },
    limits: { cpu: `${cpuLimit}m`, memory: `${memory}Mi` },
  };
}

function randomAmounts(dice: Dice): Amounts {
  return {
    cpuRequest: dice.between(1, MOST_CPU),
    cpuLimit: dice.between(200, 500),
    memory: dice.between(24, 64),
  };
}

type RestartPolicy = 'Always' | 'OnFailure' | 'Never';
type Spec = NonNullable<Pod['spec']>['containers'][number];

function phaseOf(
  containers: readonly PlannedContainer[],
  restartPolicy: RestartPolicy,
): PlannedPod['phase'] {
  const has = (...programs: readonly Program[]) =>
    containers.some(({ program }) => programs.includes(program));
  if (restartPolicy === 'Always' || has('serves', 'stubborn')) return 'Running';
  if (!has('fails')) return 'Succeeded';
  return restartPolicy === 'Never' ? 'Failed' : 'Running';
}

function randomContainer(
  dice: Dice,
  { name, restartPolicy }: { name: string; restartPolicy: RestartPolicy },
): { spec: Spec; planned: PlannedContainer } {
  const program = dice.pick(['serves', 'serves', 'stubborn', 'succeeds', 'fails'] as const);
  const lasting = program === 'serves' || program === 'stubborn';
  // A failed probe of its own, or a hook that was cut off, restarts a container as the spec says.
  const condemned = lasting && restartPolicy === 'Always' && dice.oneIn(6);
  const postStart = lasting && restartPolicy === 'Always' && dice.oneIn(5);
  const amounts = dice.oneIn(2) ? randomAmounts(dice) : undefined;
  const restarts = amounts !== undefined && restartPolicy === 'Always' && dice.oneIn(4);
  const spec: Spec = {
    ...container(name, SCRIPTS[program](dice.between(0, 4))),
    ...(amounts && { resources: resourcesOf(amounts) }),
    ...(restarts && {
      resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }],
    }),
    ...(condemned && {
      livenessProbe: { exec: { command: ['false'] }, periodSeconds: 2, failureThreshold: 2 },
    }),
    ...(lasting &&
      dice.oneIn(3) && {
        readinessProbe: { exec: { command: ['true'] }, periodSeconds: 5, ...PATIENT },
      }),
    lifecycle: {
      ...(postStart && { postStart: { exec: { command: ['sleep', '0.2'] } } }),
      ...(dice.oneIn(4) && { preStop: randomPreStop(dice) }),
    },
  };
  const unsteady = condemned || postStart || restarts;
  return { spec, planned: { name, program, unsteady, ...(amounts && { amounts }) } };
}

function randomPreStop(dice: Dice): NonNullable<NonNullable<Spec['lifecycle']>['preStop']> {
  return dice.oneIn(2) ? { sleep: { seconds: 1 } } : { exec: { command: ['sleep', '0.3'] } };
}

function sidecarSpec(dice: Dice): Spec {
  return {
    ...container('sidecar', SCRIPTS.serves(0)),
    restartPolicy: 'Always',
    ...(dice.oneIn(2) && {
      startupProbe: { exec: { command: ['true'] }, periodSeconds: 1, ...PATIENT },
    }),
  };
}

function container(name: string, script: string): Spec {
  return {
    name,
    image: IMAGE,
    imagePullPolicy: 'Never',
    command: ['sh', '-c', script],
    volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
  };
}
