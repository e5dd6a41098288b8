/** One named check of a path, and whether it passed. */
export interface CheckedPart {
  readonly name: string;
  readonly passed: boolean;
}

/**
 * The text of an answer, in the form of Kubernetes' own components: `ok`, or a line for each check.
 * Reasons stay out of it, because anyone who reaches the port can read it.
 */
export function healthText(
  path: string,
  parts: readonly CheckedPart[],
  { verbose }: Readonly<{ verbose: boolean }>,
): string {
  const passed = parts.every((part) => part.passed);
  if (passed && !verbose) return 'ok';
  const lines = parts.map((part) =>
    part.passed ? `[+]${part.name} ok` : `[-]${part.name} failed: reason withheld`,
  );
  return [...lines, `${path.slice(1)} check ${passed ? 'passed' : 'failed'}`, ''].join('\n');
}

/**
 * Finds the checks that a request asks for: all of a path, or the one that follows it.
 *
 * @returns undefined when there is nothing at the path
 */
export function requestedChecks<Check>(
  paths: Readonly<Record<string, Readonly<Record<string, Check>>>>,
  path: string,
): readonly (readonly [name: string, check: Check])[] | undefined {
  if (Object.hasOwn(paths, path)) return Object.entries(paths[path] ?? {});
  const slash = path.lastIndexOf('/');
  const [parent, name] = [path.slice(0, slash), path.slice(slash + 1)];
  if (!Object.hasOwn(paths, parent)) return undefined;
  return Object.entries(paths[parent] ?? {}).filter(([each]) => each === name);
}
