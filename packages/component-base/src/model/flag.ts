/**
 * How a flag's text becomes a value: `list` splits at commas, `map` at commas and `=`; both
 * accumulate over repeats of the flag. `duration` keeps Go's text, once checked.
 */
export type FlagKind = 'string' | 'boolean' | 'integer' | 'number' | 'duration' | 'list' | 'map';

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
  /** Shown by help only: the value comes from where the flag is bound. */
  readonly default?: string;
  /** Where the value goes in the configuration file's own terms: `conntrack.min`. */
  readonly path?: string;
  /** Still works; this sentence is the warning. */
  readonly deprecated?: string;
  /** Accepted for old service files, without effect; this sentence is the warning. */
  readonly ignored?: string;
  /** Turns the value into what the configuration file would hold; may throw an Error with the reason. */
  readonly convert?: (value: FlagValue) => unknown;
}

export interface ParsedFlags {
  /** Only flags that were given, by name. */
  readonly given: ReadonlyMap<string, FlagValue>;
  /** One sentence per deprecated or ignored flag that was given. */
  readonly warnings: readonly string[];
}
