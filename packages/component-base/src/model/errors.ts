import { codedError, errorGuard } from '@nodeagent/base';

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
export class ConfigError extends codedError<ConfigErrorCode>('ConfigError') {
  /** File name, or `command line`. */
  readonly source: string;
  readonly problems: readonly Problem[];

  constructor(
    code: ConfigErrorCode,
    found: Readonly<{ source: string; problems: readonly Problem[] }>,
    options?: ErrorOptions,
  ) {
    super(code, describe(found.source, found.problems), options);
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

/** Matches the name and, where any are given, the codes. */
export const isConfigError = errorGuard(ConfigError);
