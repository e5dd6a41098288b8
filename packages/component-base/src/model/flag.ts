/**
 * How a flag's text becomes a value. `list` splits at commas, `map` at commas and `=`; both
 * accumulate over repeated flags. `duration` is checked and kept as Go's text.
 */
export type FlagKind = 'string' | 'boolean' | 'integer' | 'number' | 'duration' | 'list' | 'map';

/** The value of a flag after parsing; the flag's kind decides which of these it is. */
export type FlagValue =
  string | boolean | number | readonly string[] | Readonly<Record<string, string>>;

/** One row of a program's flag table. */
export interface FlagSpec {
  /** Without dashes, words joined by `-`; `_` is accepted for `-` on the command line. */
  readonly name: string;
  readonly kind: FlagKind;
  readonly help: string;
  /** One letter: `v` for `-v`. */
  readonly short?: string;
  /** Used by the help text only; the real default is set where the flag is used. */
  readonly default?: string;
  /** The value's path in the configuration file: `conntrack.min`. */
  readonly path?: string;
  /** A deprecated flag that still works; this sentence is the warning. */
  readonly deprecated?: string;
  /** A flag accepted for old service files, without effect; this sentence is the warning. */
  readonly ignored?: string;
  /**
   * Converts the value to what the configuration file would hold; may throw an Error with the
   * reason.
   */
  readonly convert?: (value: FlagValue) => unknown;
}

/** A command line that could be parsed. Flags that were not given have no value here. */
export interface ParsedFlags {
  /** The given flags only, by name. */
  readonly given: ReadonlyMap<string, FlagValue>;
  /** One sentence per deprecated or ignored flag that was given. */
  readonly warnings: readonly string[];
}
