import type { Clock } from '@nodeagent/base';

import { parseNftElements, parseNftInventory } from '../codec/nft-json.js';
import { errorFromExit, NetfilterError, saysNotFound } from '../model/errors.js';
import type { NftInventory, NftTableName } from '../model/nftables.js';
import type { CommandResult, CommandRunner, NftTable } from '../ports.js';
import { renderNftScript } from '../render/nft-script.js';

/** A table that is programmed by the `nft` program, where netlink is not to be used. */
export interface ProgramNftOptions {
  readonly table: NftTableName;
  readonly runner: CommandRunner;
  readonly clock: Clock;
  /** Period between checks that the table still exists; 10 seconds when absent. */
  readonly periodMs?: number;
}

const PERIOD_MS = 10_000;

/**
 * A table through the `nft` program, for machines without the netlink add-on. A script of any
 * length is one step. Changes by other programs are noticed only when they remove the table, or one
 * of its chains or sets.
 */
export function createProgramNftTable(options: ProgramNftOptions): NftTable {
  const { table, runner, clock, periodMs = PERIOD_MS } = options;
  const run = (args: readonly string[], signal: AbortSignal): Promise<CommandResult> =>
    runner.run({ argv: ['nft', ...args] }, signal);
  /** Names as last read; undefined after a change of our own. */
  let known: string | undefined;
  const read: NftTable['inventory'] = async (signal) => {
    const args = ['--json', '--terse', 'list', 'table', table.family, table.name];
    const result = await run(args, signal);
    if (result.exitCode === 0) return parseNftInventory(result.stdout);
    if (saysNotFound(result.stderr)) return undefined;
    throw errorFromExit(`nft ${args.join(' ')}`, result.exitCode, result.stderr);
  };
  return {
    table,
    // nft 1.0.6 cannot use such a map after reading it from the kernel
    mustBeWhole: true,
    apply: async (operations, signal) => {
      known = undefined;
      const stdin = renderNftScript(table, operations);
      const { exitCode, stderr } = await runner.run({ argv: ['nft', '-f', '-'], stdin }, signal);
      if (exitCode !== 0) throw scriptError(exitCode, stderr);
    },
    inventory: async (signal) => {
      const found = await read(signal);
      known = textOf(found);
      return found;
    },
    elements: async (set, signal) => {
      const kind = set.data === undefined ? 'set' : 'map';
      const args = ['--json', 'list', kind, table.family, table.name, set.name];
      const { exitCode, stdout, stderr } = await run(args, signal);
      if (exitCode !== 0) throw errorFromExit(`nft ${args.join(' ')}`, exitCode, stderr);
      return parseNftElements(stdout, set);
    },
    watch: async (onChange, signal) => {
      while ((await clock.sleep(periodMs, signal)) === 'elapsed') {
        const before = known;
        const now = textOf(await read(signal));
        if (known !== before) continue; // changed by us meanwhile
        if (before !== undefined && before !== now) onChange();
        known = now;
      }
    },
  };
}

function textOf(found: NftInventory | undefined): string {
  return JSON.stringify(found ?? null);
}

function scriptError(exitCode: number, stderr: string): NetfilterError {
  const error = errorFromExit('nft -f -', exitCode, stderr);
  if (error.code !== 'NETFILTER_COMMAND_FAILED') return error;
  return new NetfilterError('NETFILTER_REFUSED', error.message, { exitCode });
}
