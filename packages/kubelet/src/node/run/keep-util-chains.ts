import { type Clock, isAborted, type Logger } from '@nodeagent/base';

import {
  CANARIES,
  type Family,
  type FilterStep,
  IS_USABLE,
  utilChainSteps,
} from '../model/util-chains.js';
import type { FilterProgram } from '../ports.js';

export interface UtilChainOptions {
  readonly program: FilterProgram;
  readonly clock: Clock;
  readonly log: Logger;
}

const FAMILIES: readonly Family[] = ['IPv4', 'IPv6'];
const LOOK_MS = 60_000;
const FLUSH_LOOK_MS = 1000;
const FLUSH_LOOKS = 10;
/** The exit code for a chain or rule that does not exist. */
const MISSING = 1;

/**
 * Makes the chains of iptables that other components look for, and makes them again after another
 * program has flushed the tables. Does nothing on a machine without iptables.
 */
export async function keepUtilChains(
  { program, clock, log }: UtilChainOptions,
  signal: AbortSignal,
): Promise<void> {
  const all = FAMILIES.map(
    (family) => new UtilChains(family, { program, clock, log: log.child({ family }) }),
  );
  const usable = await Promise.all(all.map((chains) => chains.isUsable(signal)));
  const found = all.filter((_, i) => usable[i]);
  if (isAborted(signal)) return;
  if (found.length === 0) log.info({}, 'there is no iptables; its hint chain is not made');
  await Promise.all(found.map((chains) => chains.keep(signal)));
}

/** `unknown`: iptables failed for another reason than a missing chain or rule. */
type Sight = 'there' | 'gone' | 'unknown';

class UtilChains {
  readonly #family: Family;
  readonly #options: UtilChainOptions;

  constructor(family: Family, options: UtilChainOptions) {
    this.#family = family;
    this.#options = options;
  }

  async isUsable(signal: AbortSignal): Promise<boolean> {
    return (await this.#look(IS_USABLE, signal)) === 'there';
  }

  async keep(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const steps = [...utilChainSteps(this.#family), ...CANARIES];
    while (!isAborted(signal)) {
      const problem = await this.#ensure(steps, signal);
      if (isAborted(signal)) return;
      if (problem === undefined) {
        log.info({}, 'iptables has the chains for other components');
        await this.#untilFlushed(signal);
      } else {
        log.warn({ problem }, 'chains of iptables cannot be made; trying again in a minute');
        await clock.sleep(LOOK_MS, signal);
      }
    }
  }

  /** Resolves once another program has flushed all tables. */
  async #untilFlushed(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const [mangle, ...others] = CANARIES;
    do {
      if ((await clock.sleep(LOOK_MS, signal)) === 'aborted') return;
    } while ((await this.#look(mangle.check, signal)) !== 'gone');
    log.info({}, 'another program flushed iptables; its chains are made again');
    for (const canary of others) {
      for (let look = 0; look < FLUSH_LOOKS && !isAborted(signal); look += 1) {
        if ((await this.#look(canary.check, signal)) === 'gone') break;
        await clock.sleep(FLUSH_LOOK_MS, signal);
      }
    }
  }

  /** @returns the reason that a step failed */
  async #ensure(steps: readonly FilterStep[], signal: AbortSignal): Promise<string | undefined> {
    for (const { check, make } of steps) {
      if ((await this.#look(check, signal)) === 'there') continue;
      const { problem } = await this.#run(make, signal);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  async #look(check: readonly string[], signal: AbortSignal): Promise<Sight> {
    const { exitCode } = await this.#run(check, signal);
    if (exitCode === 0) return 'there';
    return exitCode === MISSING ? 'gone' : 'unknown';
  }

  async #run(
    argv: readonly string[],
    signal: AbortSignal,
  ): Promise<Readonly<{ exitCode: number | undefined; problem: string | undefined }>> {
    try {
      const result = await this.#options.program.run(this.#family, argv, signal);
      if (result === undefined) return { exitCode: undefined, problem: 'it is not installed' };
      const { exitCode, output } = result;
      return { exitCode, problem: exitCode === 0 ? undefined : output };
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      return { exitCode: undefined, problem };
    }
  }
}
