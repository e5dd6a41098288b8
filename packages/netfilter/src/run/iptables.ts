import { errorFromExit, saysNotFound } from '../model/errors.js';
import type { IpFamily, TableName } from '../model/iptables.js';
import type { IptablesFeatures } from '../plan/features.js';
import type { CommandResult, CommandRunner, Iptables, PlacedRule } from '../ports.js';
import { renderRestore } from '../render/iptables-restore.js';
import { ruleArguments } from '../render/iptables-rule.js';

/** The programs of one family, and what they can do. */
export interface IptablesOptions {
  readonly runner: CommandRunner;
  readonly family: IpFamily;
  readonly features: IptablesFeatures;
  /** Name suffix that picks one of two installed variants: `-legacy` runs `iptables-legacy`. */
  readonly variant?: '-nft' | '-legacy';
}

/** The real tables, through this machine's `iptables` programs. */
export function createIptables(options: IptablesOptions): Iptables {
  const { runner, family, features } = options;
  const name = commandName(family, options.variant);
  const single = async (args: readonly string[], signal: AbortSignal): Promise<CommandResult> =>
    runner.run({ argv: [name, ...features.waitArgs, ...args] }, signal);
  const failed = (args: readonly string[], { exitCode, stderr }: CommandResult): Error =>
    errorFromExit(`${name} ${args.join(' ')}`, exitCode, stderr);

  const check = async ({ table, chain, rule }: PlacedRule, signal: AbortSignal) => {
    const args = ['-C', chain, '-t', table, ...ruleArguments(rule)];
    const result = await single(args, signal);
    if (result.exitCode === 0) return true;
    if (result.exitCode === 1 || saysNotFound(result.stderr)) return false;
    throw failed(args, result);
  };
  const must = async (args: readonly string[], signal: AbortSignal): Promise<void> => {
    const result = await single(args, signal);
    if (result.exitCode !== 0) throw failed(args, result);
  };

  return {
    family,
    chainExists: async (table, chain, signal) => {
      const args = ['-S', chain, '-t', table];
      const result = await single(args, signal);
      if (result.exitCode === 0) return true;
      // iptables-nft answers "incompatible" for a chain that does not exist in a table that does not
      if (saysNotFound(result.stderr) || /incompatible/.test(result.stderr)) return false;
      throw failed(args, result);
    },
    ensureChain: async (table, chain, signal) => {
      const args = ['-N', chain, '-t', table];
      const result = await single(args, signal);
      if (result.exitCode === 0) return 'created';
      if (result.exitCode === 1 && /already exists/i.test(result.stderr)) return 'existed';
      throw failed(args, result);
    },
    ensureRule: async (placed, position, signal) => {
      if (await check(placed, signal)) return 'existed';
      const { table, chain, rule } = placed;
      const operation = position === 'first' ? '-I' : '-A';
      await must([operation, chain, '-t', table, ...ruleArguments(rule)], signal);
      return 'added';
    },
    deleteRule: async (placed, signal) => {
      if (!(await check(placed, signal))) return 'absent';
      const { table, chain, rule } = placed;
      await must(['-D', chain, '-t', table, ...ruleArguments(rule)], signal);
      return 'deleted';
    },
    deleteChain: async (table, chain, signal) => {
      const args = ['-X', chain, '-t', table];
      const result = await single(args, signal);
      if (result.exitCode === 0) return 'deleted';
      if (saysNotFound(result.stderr)) return 'absent';
      throw failed(args, result);
    },
    save: (table, signal) => save({ runner, name }, table, signal),
    restore: async (tables, signal) => {
      const argv = [`${name}-restore`, ...features.restoreWaitArgs, '--noflush', '--counters'];
      const [program = '', ...args] = argv;
      const stdin = renderRestore(tables);
      const command = { argv: [program, ...args], stdin, timeoutMs: RESTORE_TIMEOUT_MS } as const;
      const result = await runner.run(command, signal);
      if (result.exitCode !== 0) {
        throw errorFromExit(argv.join(' '), result.exitCode, result.stderr);
      }
    },
  };
}

/**
 * An aborted restore starts from the beginning: with a short timeout, a slow machine with a large
 * table would never finish one.
 */
const RESTORE_TIMEOUT_MS = 30 * 60_000;

/** `iptables`, `ip6tables-legacy` … */
export function commandName(family: IpFamily, variant = ''): string {
  return `${family === 'IPv4' ? 'iptables' : 'ip6tables'}${variant}`;
}

async function save(
  { runner, name }: Readonly<{ runner: CommandRunner; name: string }>,
  table: TableName,
  signal: AbortSignal,
): Promise<string> {
  const argv = [`${name}-save`, '-t', table] as const;
  const { exitCode, stdout, stderr } = await runner.run({ argv }, signal);
  if (exitCode !== 0) throw errorFromExit(argv.join(' '), exitCode, stderr);
  return stdout;
}
