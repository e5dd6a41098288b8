import { errorFromExit, isNetfilterError, NetfilterError } from '../model/errors.js';
import type { IpFamily } from '../model/iptables.js';
import { featuresFromVersion } from '../plan/features.js';
import type { CommandRunner, Iptables } from '../ports.js';
import { commandName, createIptables } from './iptables.js';

/** The iptables programs that work on this machine, for one family. */
export interface FoundIptables {
  readonly iptables: Iptables;
  readonly randomFully: boolean;
  /**
   * The kernel interface that it uses: with `legacy` each command reads and writes a whole table.
   */
  readonly backend: 'nft' | 'legacy';
  /** For display: `iptables v1.8.9 (nf_tables)`. */
  readonly description: string;
}

/**
 * The variant to use. Without one, it is the variant that has one of `hintChains`, otherwise the
 * command without a suffix.
 */
export interface ProbeOptions {
  readonly family: IpFamily;
  /** Uses this variant and no other. */
  readonly variant?: '-nft' | '-legacy';
  readonly hintChains?: readonly string[];
}

/**
 * Finds out which iptables this machine has and whether it works for a family.
 *
 * When both variants are installed, the one that already holds `hintChain` (table mangle) is
 * chosen: the kernel would evaluate rules in the other variant at another time, and people who
 * debug would not look there.
 *
 * @throws {NetfilterError} when iptables is missing, too old, or may not read the nat table
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
      if (isNetfilterError(error, 'NETFILTER_COMMAND_MISSING')) continue;
      throw error;
    }
  }
  return undefined;
}

/**
 * True when iptables-legacy holds tables of the family. Asking iptables-legacy itself would create
 * them, and from then on every packet would be checked once more.
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
