import type { Clock } from '@nodeagent/base';

import { CriError, isCriError } from '../model/errors.js';
import type { RuntimeSupport, RuntimeVersion } from '../model/runtime.js';
import type { RuntimeService } from '../ports.js';

/** A selector that matches nothing: it tests at no cost whether a call exists. */
const NOTHING = { labels: { 'nodeagent.dev/none': 'none' } };

/**
 * An event stream stays silent until something happens, and a runtime without one refuses at once:
 * silence for this long means that the stream exists.
 */
const EVENT_PATIENCE_MS = 500;

/**
 * Asks a runtime for its version and tests which optional calls it has.
 *
 * @throws {CriError} `CRI_UNSUPPORTED_VERSION` when it does not speak CRI v1; `CRI_UNAVAILABLE`
 *   and others when it does not answer
 */
export async function probeRuntime(
  runtime: RuntimeService,
  clock: Clock,
  signal: AbortSignal,
): Promise<RuntimeSupport> {
  const version = await negotiateVersion(runtime, signal);
  const [containerEvents, runtimeConfig, sandboxStats, sandboxMetrics, streamingLists] =
    await Promise.all([
      hasEvents(runtime, clock, signal),
      implemented(() => runtime.runtimeConfig(signal)),
      implemented(() => runtime.listPodSandboxStats(NOTHING, signal)),
      implemented(() => runtime.listMetricDescriptors(signal)),
      implemented(() => runtime.streamPodSandboxes(NOTHING, signal)[Symbol.asyncIterator]().next()),
    ]);
  return { version, containerEvents, runtimeConfig, sandboxStats, sandboxMetrics, streamingLists };
}

async function negotiateVersion(
  runtime: RuntimeService,
  signal: AbortSignal,
): Promise<RuntimeVersion> {
  const method = 'RuntimeService/Version';
  try {
    const version = await runtime.version(signal);
    if (version.runtimeApiVersion === 'v1') return version;
    const { runtimeName, runtimeVersion, runtimeApiVersion } = version;
    const spoken = `${runtimeName} ${runtimeVersion} speaks CRI ${runtimeApiVersion}, not v1`;
    throw new CriError('CRI_UNSUPPORTED_VERSION', spoken, { method });
  } catch (cause) {
    if (!isCriError(cause, 'CRI_UNIMPLEMENTED')) throw cause;
    const detail = 'the runtime does not implement CRI v1; containerd does from 1.6 on';
    throw new CriError('CRI_UNSUPPORTED_VERSION', detail, { method, cause });
  }
}

async function implemented(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    if (isCriError(error, 'CRI_UNIMPLEMENTED')) return false;
    throw error;
  }
}

async function hasEvents(
  runtime: RuntimeService,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  const enough = new AbortController();
  const inner = AbortSignal.any([signal, enough.signal]);
  const refusedOrEvent = implemented(() =>
    runtime.containerEvents(inner)[Symbol.asyncIterator]().next(),
  );
  try {
    const answer = await Promise.race([refusedOrEvent, clock.sleep(EVENT_PATIENCE_MS, inner)]);
    signal.throwIfAborted();
    return typeof answer === 'string' ? true : answer;
  } finally {
    enough.abort();
    // ends by the abort, whose reason does not matter
    await refusedOrEvent.catch(() => undefined);
  }
}
