import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { type Outcome, ROOT } from '../test/process.ts';
import { runInGuest } from './boot.ts';

export interface KernelTestOptions {
  /** The workspace package's folder below the repository's root: `packages/ipvs`. */
  readonly dir: string;
  /** `kernel` when absent. */
  readonly tier?: 'kernel' | 'kernel-bench';
  /** Arguments for vitest: file name filters, `-t name`, … */
  readonly args?: readonly string[];
  readonly onOutput?: (chunk: string) => void;
  readonly signal?: AbortSignal;
}

/** Time limit for all tests of a package on a busy machine; single tests have vitest's limits. */
const TIMEOUT_MS = 30 * 60_000;

/**
 * Runs the `kernel` tier of one package, or its benchmarks, in a guest of its own. The JSON report
 * and any other files from the tests go to the package's `reports` folder, as in other tiers.
 */
export async function runKernelTests(options: KernelTestOptions): Promise<Outcome> {
  const { dir, tier = 'kernel', args = [], onOutput, signal } = options;
  const reports = join(ROOT, dir, 'reports');
  await rm(join(reports, `${tier}.json`), { force: true });
  const words = args.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`).join(' ');
  const outcome = await runInGuest(
    {
      script: [
        `cd '${join(ROOT, dir)}'`,
        'rm -rf reports',
        `vitest run ${words}`,
        'code=$?',
        'cp reports/* "$NODEAGENT_JOB/results/"',
        'exit $code',
      ].join('\n'),
      env: { NODEAGENT_TIER: tier, NO_COLOR: '1', CI: '1' },
      timeoutMs: TIMEOUT_MS,
      ...(onOutput === undefined ? {} : { onOutput }),
      ...(signal === undefined ? {} : { signal }),
    },
    reports,
  );
  if (outcome.failure === undefined) {
    return { exitCode: outcome.exitCode ?? 1, output: outcome.output };
  }
  return { exitCode: 1, output: outcome.failure };
}
