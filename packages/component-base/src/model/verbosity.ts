import { globMatches, parseGlob } from '@nodeagent/base';

import type { ModuleVerbosity } from './log-settings.js';

/** Limit of klog's verbosity, a Go `int32`. */
const MOST = 2 ** 31 - 1;

/**
 * Decides which log lines are written. The level can change while the program runs; a module's own
 * verbosity stays.
 */
export class Verbosity {
  readonly #modules: readonly ModuleVerbosity[];
  readonly #known = new Map<string, number | undefined>();
  #level: number;

  constructor(level: number, modules: readonly ModuleVerbosity[] = []) {
    this.#level = level;
    this.#modules = modules;
  }

  /**
   * Takes the level as the text that an operator sends.
   *
   * @throws {RangeError} if the text is not a whole number from 0 to 2^31 − 1
   */
  set(text: string): void {
    const level = /^\d{1,10}$/.test(text) ? Number(text) : Infinity;
    if (level > MOST) {
      throw new RangeError(
        `${JSON.stringify(text)} is not a verbosity, a number from 0 to ${MOST}`,
      );
    }
    this.#level = level;
  }

  /** @param needed the least verbosity at which the line is written */
  reaches(needed: number, module?: string): boolean {
    const own = module === undefined ? undefined : this.#levelOf(module);
    return (own ?? this.#level) >= needed;
  }

  /** The first pattern that matches counts, as klog has it. */
  #levelOf(module: string): number | undefined {
    if (this.#modules.length === 0) return undefined;
    if (!this.#known.has(module)) {
      const own = this.#modules.find(({ filePattern }) => matches(filePattern, module));
      this.#known.set(module, own?.verbosity);
    }
    return this.#known.get(module);
  }
}

/** A pattern that is no glob matches nothing. */
function matches(pattern: string, module: string): boolean {
  const glob = parseGlob(pattern);
  return glob !== undefined && globMatches(glob, module);
}
