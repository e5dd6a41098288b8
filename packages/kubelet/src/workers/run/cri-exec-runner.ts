import { containerId, isCriError, type RuntimeService } from '@nodeagent/cri-client';
import type { ExecRunner } from '@nodeagent/probes';

/** Runs the commands of exec probes in their containers, through the runtime. */
export function createCriExecRunner(runtime: Pick<RuntimeService, 'execSync'>): ExecRunner {
  return {
    async run({ instanceId, command, timeoutMs }, signal) {
      try {
        const request = { containerId: containerId(instanceId), command, timeoutMs };
        const { stdout, stderr, exitCode } = await runtime.execSync(request, signal);
        const output = new TextDecoder().decode(Buffer.concat([stdout, stderr]));
        return { kind: 'exited', exitCode, output };
      } catch (error) {
        if (isCriError(error, 'CRI_DEADLINE')) return { kind: 'timed-out' };
        throw error;
      }
    },
  };
}
