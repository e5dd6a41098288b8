import { formatGoDuration } from '@nodeagent/base';

import { cutDetail } from '../model/result.js';
import type { Attempt, ExecRequest, ExecResult, ExecRunner } from '../ports.js';

/**
 * Exit code 0 is success. Any other exit code is a failure with the command's output, and so is a
 * timeout. A command that could not be run at all is an outcome of `error` with the reason.
 *
 * @see Kubernetes 1.36 pkg/probe/exec/exec.go
 */
export function createExecProber(runner: ExecRunner): Attempt<ExecRequest> {
  return async (request, signal) => {
    let result: ExecResult;
    try {
      result = await runner.run(request, signal);
    } catch (error) {
      signal.throwIfAborted();
      return { result: 'error', detail: error instanceof Error ? error.message : String(error) };
    }
    if (result.kind === 'timed-out') {
      const command = JSON.stringify(request.command.join(' '));
      const after = formatGoDuration(request.timeoutMs);
      return {
        result: 'failure',
        detail: `command timed out: ${command} timed out after ${after}`,
      };
    }
    const detail = cutDetail(result.output);
    return { result: result.exitCode === 0 ? 'success' : 'failure', detail };
  };
}
