/**
 * Reads `/proc/swaps`: a header, then one line per area.
 *
 * @returns names of the areas, spaces in them as `\\040`
 */
export function parseSwaps(text: string): readonly string[] {
  const [, ...lines] = text.trim().split('\n');
  return lines.map((line) => line.split(/\s/, 1)[0] ?? line);
}
