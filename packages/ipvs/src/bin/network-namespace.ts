/** A command line that is to be run again inside another network namespace. */
export interface Elsewhere {
  /** Path of the namespace, for nsenter(1). */
  readonly path: string;
  /** The command line without the option. */
  readonly argv: readonly string[];
}

/**
 * Finds `--netns`. Node.js cannot change its own namespace, so the command is started again in it.
 *
 * @returns undefined when the option is absent, text when it is wrong
 */
export function networkNamespace(argv: readonly string[]): Elsewhere | string | undefined {
  const at = argv.findIndex((word) => word === '--netns' || word.startsWith('--netns='));
  const word = argv[at];
  if (word === undefined) return undefined;
  const isOneWord = word.includes('=');
  const name = isOneWord ? word.slice(word.indexOf('=') + 1) : argv[at + 1];
  if (name === undefined || name === '' || name.startsWith('-')) {
    return '--netns needs a name or a path';
  }
  return {
    path: name.includes('/') ? name : `/run/netns/${name}`,
    argv: argv.toSpliced(at, isOneWord ? 1 : 2),
  };
}
