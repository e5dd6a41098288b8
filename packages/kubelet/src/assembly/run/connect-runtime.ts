import type { CgroupDriver } from '@nodeagent/cgroups';
import { ConfigError } from '@nodeagent/component-base';
import { isCriError, probeRuntime } from '@nodeagent/cri-client';

import type { Parts } from './parts.js';

export interface ReadyRuntime {
  /** True if the runtime streams container events. */
  readonly containerEvents: boolean;
  /** Undefined if the runtime does not report it. */
  readonly cgroupDriver: CgroupDriver | undefined;
}

const TRIES = 3;
const WAIT_MS = 2000;

/**
 * Queries the runtime's version and features; a runtime that is still starting gets a few seconds.
 *
 * @throws {ConfigError} that names the endpoint if the runtime does not answer
 */
export async function connectRuntime(
  { config, identity, adapters, cri }: Parts,
  signal: AbortSignal,
): Promise<ReadyRuntime> {
  const { clock, log } = adapters;
  const { runtime } = cri;
  for (let tried = 1; ; tried += 1) {
    try {
      const support = await probeRuntime(runtime, clock, signal);
      const { cgroupDriver } = support.runtimeConfig ? await runtime.runtimeConfig(signal) : {};
      const known = cgroupDriver === 'unknown' ? undefined : cgroupDriver;
      const { runtimeName, runtimeVersion } = support.version;
      log.info(
        { runtimeName, runtimeVersion, cgroupDriver: known },
        'connected to the container runtime',
      );
      return { containerEvents: support.containerEvents, cgroupDriver: known };
    } catch (cause) {
      signal.throwIfAborted();
      if (tried === TRIES || !isCriError(cause, 'CRI_UNAVAILABLE')) {
        const why = cause instanceof Error ? cause.message : String(cause);
        const endpoint = JSON.stringify(config.containerRuntimeEndpoint);
        const { source, field } = identity.placeOf('containerRuntimeEndpoint');
        const problems = [{ field, message: `no container runtime at ${endpoint}: ${why}` }];
        throw new ConfigError('CONFIG_INVALID', { source, problems }, { cause });
      }
      log.warn({ err: cause, retryInMs: WAIT_MS }, 'container runtime does not answer; retrying');
      await clock.sleep(WAIT_MS, signal);
    }
  }
}
