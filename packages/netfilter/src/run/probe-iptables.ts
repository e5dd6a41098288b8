import { errorFromExit, NetfilterError } from '../model/errors.js';
import type { IpFamily } from '../model/iptables.js';
import { featuresFromVersion } from '../plan/features.js';
import type { CommandRunner, Iptables } from '../ports.js';
import { commandName, createIptables } from './iptables.js';

export interface FoundIptables {
  readonly iptables: Iptables;
  readonly randomFully: boolean;
  /** Which kernel interface it speaks: with `legacy` each command reads and writes a whole table. */
  readonly backend: 'nft' | 'legacy';
  /** For people: `iptables v1.8.9 (nf_tables)`. */
  readonly description: string;
}

export interface ProbeOptions {
  readonly family: IpFamily;
  /** Takes this kind and no other. */
  readonly variant?: '-nft' | '-legacy';
  readonly hintChains?: readonly string[];
}

/**
 * Finds out once which iptables this machine has and whether it works for a family.
 *
 * Where both kinds are installed, the one that already holds `hintChain` (table mangle) is taken:
 * rules in the other would be looked at in another order by the kernel, and by nobody in debugging.
 *
 * @throws {NetfilterError} when it is missing, too old, or may not read the nat table
 */
export async function probeIptables(
  runner: CommandRunner,
  options: ProbeOptions,
  signal: AbortSignal,
): Promise<FoundIptables> {
  const { family, hintChains = [] } = options;
  const variant = options.variant ?? (await findVariant(runner, { family, hintChains }, signal));
  const name = commandName(family, variant);
  const version = await runner.run({ argv: [name, '--version'] }, signal);
  if (version.exitCode !== 0) {
    throw errorFromExit(`${name} --version`, version.exitCode, version.stderr);
  }
  const features = featuresFromVersion(version.stdout);
  if (features === undefined) {
    const message = `${name} --version: "${version.stdout.trim()}" is not 1.4.20 or later`;
    throw new NetfilterError('NETFILTER_COMMAND_FAILED', message);
  }
  const iptables = createIptables({
    runner,
    family,
    features,
    ...(variant === undefined ? {} : { variant }),
  });
  await iptables.chainExists('nat', 'POSTROUTING', signal);
  const description = version.stdout.trim();
  const { randomFully, backend = 'legacy' } = features;
  return { iptables, randomFully, backend, description };
}

async function findVariant(
  runner: CommandRunner,
  { family, hintChains }: Readonly<{ family: IpFamily; hintChains: readonly string[] }>,
  signal: AbortSignal,
): Promise<'-nft' | '-legacy' | undefined> {
  if (hintChains.length === 0) return undefined;
  for (const variant of ['-nft', '-legacy'] as const) {
    if (variant === '-legacy' && !(await hasLegacyTables(runner, family, signal))) continue;
    try {
      const argv = [`${commandName(family, variant)}-save`, '-t', 'mangle'] as const;
      const { stdout } = await runner.run({ argv }, signal);
      if (hintChains.some((chain) => stdout.includes(`:${chain} `))) return variant;
    } catch (error) {
      if (error instanceof NetfilterError && error.code === 'NETFILTER_COMMAND_MISSING') continue;
      throw error;
    }
  }
  return undefined;
}

/**
 * Does iptables-legacy hold tables of the family? Asking iptables-legacy itself would create them,
 * and each packet would be looked at once more from then on.
 */
export async function hasLegacyTables(
  runner: CommandRunner,
  family: IpFamily,
  signal: AbortSignal,
): Promise<boolean> {
  const names = `/proc/net/${family === 'IPv4' ? 'ip' : 'ip6'}_tables_names`;
  const { exitCode, stdout } = await runner.run({ argv: ['cat', names] }, signal);
  return exitCode === 0 && stdout.trim() !== '';
}
