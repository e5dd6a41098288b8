/**
 * Finds the image of all sandboxes in containerd's debugging information. Runtimes that pin this
 * image need no help, but containerd 1.6 does not pin it, nor do others when it was imported.
 *
 * @returns undefined if the runtime does not tell
 */
export function sandboxImageOf(info: Readonly<Record<string, string>>): string | undefined {
  const config = parsed(info['config']);
  const image = field(config, 'sandboxImage') ?? field(field(config, 'pinnedImages'), 'sandbox');
  return typeof image === 'string' && image !== '' ? image : undefined;
}

function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // another runtime's text
  }
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return new Map<string, unknown>(Object.entries(value)).get(name);
}
