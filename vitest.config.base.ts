import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** A million mutations; emulated processors, and a base image that may have to be built first. */
const TEST_MS: Readonly<Record<string, number>> = { properties: 3_600_000, machine: 900_000 };
const HOOK_MS: Readonly<Record<string, number>> = { machine: 1_200_000 };

/**
 * Test tiers are folders: `unit`, `golden` and `contract` need nothing and run by default;
 * `NODEAGENT_TIER=properties` reads mutations of recorded data, and also needs nothing;
 * `NODEAGENT_TIER=integration` selects the tests that need root and real programs. Those of `kernel`
 * need a kernel of their own, which `npm run kernel -- packages/NAME` boots for them; `kernel-bench`
 * are benches there. Those of `machine` boot virtual machines themselves, as `integration` starts
 * programs. Those of `systemd` run within a systemd that a test of `integration` boots.
 */
export function tiers(more: ViteUserConfig['test'] = {}): ViteUserConfig {
  const tier = process.env['NODEAGENT_TIER'] ?? 'unit';
  const folders = tier === 'unit' ? ['unit', 'golden', 'contract', 'readme'] : [tier];
  const slow = tier !== 'unit' && tier !== 'properties';
  const isInGuest = tier === 'kernel' || tier === 'kernel-bench';
  if (isInGuest && process.env['NODEAGENT_GUEST'] === undefined) {
    throw new Error('The kernel tier runs in a guest kernel: npm run kernel -- packages/NAME');
  }
  // A process costs a second in a guest; files keep apart by network namespaces of their own.
  // Elsewhere too, loading the same modules for each file takes a quarter of the unit tests' time.
  const shared = isInGuest ? { isolate: false, maxWorkers: 1 } : { isolate: tier !== 'unit' };
  return defineConfig({
    resolve: { conditions: ['@nodeagent/source'] },
    ssr: { resolve: { conditions: ['@nodeagent/source'] } },
    test: {
      include: folders.map((folder) => `tests/${folder}/**/*.test.ts`),
      passWithNoTests: true,
      reporters: ['default', ['json', { outputFile: `reports/${reportName(tier)}.json` }]],
      testTimeout: TEST_MS[tier] ?? (slow ? 240_000 : 60_000),
      hookTimeout: HOOK_MS[tier] ?? (slow ? 240_000 : 60_000),
      fileParallelism: !slow,
      expect: { poll: { timeout: 30_000 } }, // a loaded machine is no failure
      ...shared,
      ...more,
    },
  });
}

/** The runner of tests names the reports of runs that take place at the same time. */
function reportName(tier: string): string {
  return process.env['NODEAGENT_REPORT'] ?? tier;
}
