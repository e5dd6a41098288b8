import { codedError, errorGuard } from '@nodeagent/base';

/** `PROBE_INVALID` a probe that cannot be carried out as it is written; the message names the field. */
export type ProbeErrorCode = 'PROBE_INVALID';

export class ProbeError extends codedError<ProbeErrorCode>('ProbeError') {}

/** Matches the name and, where any are given, the codes. */
export const isProbeError = errorGuard(ProbeError);
