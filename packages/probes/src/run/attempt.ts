import type { ProbeSpec } from '../model/probe.js';
import type { ProbeOutcome } from '../model/result.js';
import type { ProbedInstance } from '../model/subject.js';
import { planHttpRequest, resolvePort } from '../plan/http-request.js';
import type { Prober } from '../ports.js';

/** Number of attempts in a row that bring errors before the error is reported. */
const MAX_TRIES = 3;

/** Makes one attempt as thresholds count them: errors are retried at once, three times in all. */
export async function attemptProbe(
  spec: ProbeSpec,
  { prober, instance }: Readonly<{ prober: Prober; instance: ProbedInstance }>,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  let outcome = errorOutcome('not tried');
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    outcome = await attemptOnce(spec, { prober, instance }, signal);
    if (outcome.result !== 'error') break;
  }
  return outcome;
}

/** Makes one attempt; a prober that rejects ends it in an error, unless the signal is aborted. */
export async function attemptOnce(
  spec: ProbeSpec,
  { prober, instance }: Readonly<{ prober: Prober; instance: ProbedInstance }>,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  signal.throwIfAborted();
  try {
    return await tryOnce(spec, { prober, instance }, signal);
  } catch (error) {
    signal.throwIfAborted();
    return errorOutcome(error instanceof Error ? error.message : String(error));
  }
}

function errorOutcome(detail: string): ProbeOutcome {
  return { result: 'error', detail };
}

async function tryOnce(
  { action, timeoutMs }: ProbeSpec,
  { prober, instance }: Readonly<{ prober: Prober; instance: ProbedInstance }>,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const missing = errorOutcome(`no prober for ${action.kind} probes`);
  switch (action.kind) {
    case 'http': {
      const request = planHttpRequest(action, instance);
      if (typeof request === 'string') return errorOutcome(request);
      return (await prober.http?.({ ...request, timeoutMs }, signal)) ?? missing;
    }
    case 'tcp': {
      const port = resolvePort(action.port, instance);
      const hostname = action.host ?? instance.address;
      if (typeof port === 'string') return errorOutcome(port);
      if (!hostname) return errorOutcome('the instance has no address yet');
      return (await prober.tcp?.({ hostname, port, timeoutMs }, signal)) ?? missing;
    }
    case 'grpc': {
      const { address } = instance;
      if (!address) return errorOutcome('the instance has no address yet');
      const { port, service } = action;
      return (await prober.grpc?.({ address, port, service, timeoutMs }, signal)) ?? missing;
    }
    case 'exec': {
      const { command } = action;
      return (
        (await prober.exec?.({ instanceId: instance.id, command, timeoutMs }, signal)) ?? missing
      );
    }
  }
}
