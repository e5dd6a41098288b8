import { ConfigError, type Problem } from '@nodeagent/component-base';
import { isCriError, parseEndpoint } from '@nodeagent/cri-client';

import type { ConfigDocument, KubeletConfig } from '../../config/index.js';
import type { ConfigPlace } from '../model/identity.js';
import type { NodeMachine } from '../model/machine.js';

type PlaceOf = (field: string) => ConfigPlace;
type Endpoints = Pick<KubeletConfig, 'containerRuntimeEndpoint' | 'imageServiceEndpoint'>;

/** @throws {ConfigError} for an endpoint that is not a unix socket */
export function checkEndpoints(config: Endpoints, placeOf: PlaceOf): void {
  const found = (['containerRuntimeEndpoint', 'imageServiceEndpoint'] as const).flatMap((name) => {
    const message = config[name] === '' ? undefined : endpointProblem(config[name]);
    return message === undefined ? [] : [{ ...placeOf(name), message }];
  });
  const [first] = found;
  if (first === undefined) return;
  const problems = found.map(({ field, message }): Problem => ({ field, message }));
  throw new ConfigError('CONFIG_INVALID', { source: first.source, problems });
}

function endpointProblem(endpoint: string): string | undefined {
  try {
    parseEndpoint(endpoint);
    return undefined;
  } catch (error) {
    if (isCriError(error, 'CRI_BAD_ENDPOINT')) return error.message;
    throw error;
  }
}

type MachineSettings = Pick<
  KubeletConfig,
  'failCgroupV1' | 'failSwapOn' | 'reservedCpus' | 'swapBehavior'
> &
  Readonly<{ document: Pick<ConfigDocument, 'singleProcessOOMKill'> }>;

interface Mismatch {
  readonly field: keyof ConfigDocument;
  readonly message: string;
  readonly isFound: boolean;
}

/**
 * Compares settings with the machine.
 *
 * @throws {ConfigError} with every setting that this machine cannot satisfy
 * @see Kubernetes 1.36 pkg/kubelet/apis/config/validation/validation_linux.go, cmd/kubelet/app/server.go
 */
export function checkMachine(
  config: MachineSettings,
  machine: Pick<NodeMachine, 'cgroupVersion' | 'onlineCpus' | 'swapAreas'>,
  placeOf: PlaceOf,
): void {
  const problems = mismatches(config, machine)
    .filter(({ isFound }) => isFound)
    .map(({ field, message }) => ({ ...placeOf(field), message }));
  const [first] = problems;
  if (first === undefined) return;
  throw new ConfigError('CONFIG_INVALID', {
    source: first.source,
    problems: problems.map(({ field, message }) => ({ field, message })),
  });
}

function mismatches(
  config: MachineSettings,
  { cgroupVersion, onlineCpus, swapAreas }: Parameters<typeof checkMachine>[1],
): readonly Mismatch[] {
  const isV1 = cgroupVersion === 1;
  const offline = [...config.reservedCpus].filter((cpu) => !onlineCpus.has(cpu));
  return [
    {
      field: 'failCgroupV1',
      message:
        'kubelet is configured to not run on a host using cgroup v1. cgroup v1 support is unsupported and will be removed in a future release; set it to false to run here',
      isFound: isV1 && config.failCgroupV1,
    },
    {
      field: 'singleProcessOOMKill',
      message: 'must not be false on a host that uses cgroup v1: it has no setting for it',
      isFound: isV1 && config.document.singleProcessOOMKill === false,
    },
    {
      field: 'memorySwap',
      message: 'swapBehavior LimitedSwap needs a host that uses cgroup v2',
      isFound: isV1 && config.swapBehavior === 'LimitedSwap',
    },
    {
      field: 'failSwapOn',
      message: `running with swap on is not supported, and ${swapAreas.join(', ')} is in use; switch swap off or set failSwapOn to false`,
      isFound: config.failSwapOn && swapAreas.length > 0,
    },
    {
      field: 'reservedSystemCPUs',
      message: `names CPUs that are not online: ${offline.join(', ')}`,
      isFound: offline.length > 0,
    },
  ];
}
