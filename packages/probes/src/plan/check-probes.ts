import { ProbeError } from '../model/errors.js';
import { PROBE_KINDS, type ProbeAction, type ProbeSet, type ProbeSpec } from '../model/probe.js';

/**
 * Checks the probes of a subject. A port or a host that the subject lacks is not wrong here: it may
 * come later, and until then attempts end in errors.
 *
 * @throws {ProbeError} `PROBE_INVALID`
 */
export function checkProbes(probes: ProbeSet): void {
  for (const [kind, spec] of Object.entries(probes)) {
    if (!(PROBE_KINDS as readonly string[]).includes(kind)) {
      throw invalid(kind, `is not one of ${PROBE_KINDS.join(', ')}`);
    }
    checkSpec(kind, spec);
  }
}

function checkSpec(kind: string, spec: ProbeSpec): void {
  checkAction(spec.action, `${kind}.action`);
  for (const name of ['periodMs', 'timeoutMs'] as const) {
    const ms = spec[name];
    if (!(Number.isFinite(ms) && ms > 0)) throw invalid(`${kind}.${name}`, notA(ms, 'above 0'));
  }
  const delayMs = spec.initialDelayMs;
  if (!(Number.isFinite(delayMs) && delayMs >= 0)) {
    throw invalid(`${kind}.initialDelayMs`, notA(delayMs, 'of 0 or more'));
  }
  for (const name of ['successThreshold', 'failureThreshold'] as const) {
    const count = spec[name];
    if (!(Number.isInteger(count) && count > 0)) {
      throw invalid(`${kind}.${name}`, notA(count, 'above 0, without fraction'));
    }
  }
}

const ACTION_KINDS: readonly string[] = ['http', 'tcp', 'grpc', 'exec'];

/** @throws {ProbeError} `PROBE_INVALID` for a kind of action that does not exist */
export function checkAction({ kind }: ProbeAction, field = 'action'): void {
  if (ACTION_KINDS.includes(kind)) return;
  const found = JSON.stringify(kind);
  throw invalid(`${field}.kind`, `${found} is not one of ${ACTION_KINDS.join(', ')}`);
}

function notA(found: number, wanted: string): string {
  return `${String(found)} is not a number ${wanted}`;
}

function invalid(field: string, problem: string): ProbeError {
  return new ProbeError('PROBE_INVALID', `${field}: ${problem}`);
}
