import type { Clock, Logger } from '@nodeagent/base';
import { ConfigError, type Problem } from '@nodeagent/component-base';
import { isCriError, parseEndpoint, probeRuntime } from '@nodeagent/cri-client';
import type { CriClient } from '@nodeagent/cri-client/grpc';
import type { CgroupDriver } from '@nodeagent/kubelet';

import type { Options } from './options.js';

export interface ReadyRuntime {
  readonly containerEvents: boolean;
  /** The runtime's own, when it tells. */
  readonly cgroupDriver: CgroupDriver | undefined;
}

const TRIES = 3;
const WAIT_MS = 2000;

/**
 * Asks the runtime what it can do; one that is just starting gets a few seconds.
 *
 * @throws {ConfigError} that names the endpoint when it does not answer
 */
export async function connectRuntime(
  { runtime }: Pick<CriClient, 'runtime'>,
  { clock, log, options }: Readonly<{ clock: Clock; log: Logger; options: Options }>,
  signal: AbortSignal,
): Promise<ReadyRuntime> {
  for (let tried = 1; ; tried += 1) {
    try {
      const support = await probeRuntime(runtime, clock, signal);
      const { cgroupDriver } = support.runtimeConfig ? await runtime.runtimeConfig(signal) : {};
      const known = cgroupDriver === 'unknown' ? undefined : cgroupDriver;
      const { runtimeName, runtimeVersion } = support.version;
      log.info({ runtimeName, runtimeVersion, cgroupDriver: known }, 'container runtime answers');
      return { containerEvents: support.containerEvents, cgroupDriver: known };
    } catch (cause) {
      signal.throwIfAborted();
      if (tried === TRIES || !isCriError(cause, 'CRI_UNAVAILABLE')) throw unusable(options, cause);
      log.warn({ err: cause, retryInMs: WAIT_MS }, 'container runtime does not answer yet');
      await clock.sleep(WAIT_MS, signal);
    }
  }
}

function unusable({ config, placeOf }: Options, cause: unknown): ConfigError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = `no container runtime at ${JSON.stringify(config.containerRuntimeEndpoint)}: ${why}`;
  const { source, field } = placeOf('containerRuntimeEndpoint');
  const problems = [{ field, message }];
  return new ConfigError('CONFIG_INVALID', { source, problems }, { cause });
}

/** @throws {ConfigError} for endpoints that are no unix sockets */
export function checkEndpoints({ config, placeOf }: Options): void {
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
export function checkCgroupVersion({ config, placeOf }: Options, isV2: boolean): void {
  if (isV2 || !config.failCgroupV1) return;
  const message =
    'kubelet is configured to not run on a host using cgroup v1. cgroup v1 support is unsupported and will be removed in a future release; set it to false to run here';
  const { source, field } = placeOf('failCgroupV1');
  const problems = [{ field, message }];
  throw new ConfigError('CONFIG_INVALID', { source, problems });
}
