import { ConfigError, type Problem } from '@nodeagent/component-base';
import { isCriError, parseEndpoint } from '@nodeagent/cri-client';

import type { KubeletConfig } from '../../config/index.js';
import type { ConfigPlace } from '../model/identity.js';

type PlaceOf = (field: string) => ConfigPlace;
type Endpoints = Pick<KubeletConfig, 'containerRuntimeEndpoint' | 'imageServiceEndpoint'>;

/** @throws {ConfigError} for endpoints that are no unix sockets */
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

/** @throws {ConfigError} on a host of cgroup v1, unless that is allowed */
export function checkCgroupVersion(
  { failCgroupV1 }: Pick<KubeletConfig, 'failCgroupV1'>,
  cgroupVersion: 1 | 2,
  placeOf: PlaceOf,
): void {
  if (cgroupVersion === 2 || !failCgroupV1) return;
  const message =
    'kubelet is configured to not run on a host using cgroup v1. cgroup v1 support is unsupported and will be removed in a future release; set it to false to run here';
  const { source, field } = placeOf('failCgroupV1');
  throw new ConfigError('CONFIG_INVALID', { source, problems: [{ field, message }] });
}
