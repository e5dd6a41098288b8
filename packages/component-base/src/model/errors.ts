/**
 * `CONFIG_INVALID` a configuration file or its values cannot be used · `CONFIG_UNREADABLE` it cannot
 * be read · `FLAG_INVALID` the command line cannot be understood.
 */
export type ConfigErrorCode = 'CONFIG_INVALID' | 'CONFIG_UNREADABLE' | 'FLAG_INVALID';

/** One problem in the user's input. */
export interface Problem {
  /** Dotted path as in the file, `conntrack.min`, `nodes[0].name`; a flag as `--name`; may be empty. */
  readonly field: string;
  readonly message: string;
}

/** Carries every problem of one input, so that the user can fix all of them at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code: ConfigErrorCode;
  /** File name, or `command line`. */
  readonly source: string;
  readonly problems: readonly Problem[];

  constructor(
    code: ConfigErrorCode,
    found: Readonly<{ source: string; problems: readonly Problem[] }>,
    options?: ErrorOptions,
  ) {
    super(describe(found.source, found.problems), options);
    this.code = code;
    this.source = found.source;
    this.problems = found.problems;
  }
}

function describe(source: string, problems: readonly Problem[]): string {
  const lines = problems.map(({ field, message }) =>
    field === '' ? message : `${field}: ${message}`,
  );
  const [only] = lines;
  if (lines.length === 1 && only !== undefined) return `${source}: ${only}`;
  return [`${source}: ${lines.length} problems`, ...lines.map((line) => `  ${line}`)].join('\n');
}

/** Matches name and code, not `instanceof`: two copies of this package may be installed. */
export function isConfigError(
  value: unknown,
  ...codes: readonly ConfigErrorCode[]
): value is ConfigError {
  if (!(value instanceof Error) || value.name !== 'ConfigError') return false;
  return codes.length === 0 || codes.includes((value as ConfigError).code);
}
