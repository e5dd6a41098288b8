import { parseImageReference } from '@nodeagent/pod-rules';

const MAX_NAME = 255;

export interface ImageName {
  /** Ends in `:latest` if the name had neither tag nor digest. */
  readonly reference: string;
  /** Registry host and path, for choosing credentials: `docker.io/library/busybox`. */
  readonly repository: string;
}

/**
 * @returns an error sentence if the text is not an image name
 * @see https://github.com/distribution/reference for the grammar
 */
export function parseImageName(text: string): ImageName | string {
  const found = parseImageReference(text);
  if (found === undefined) {
    const isLowerOne = parseImageReference(text.toLowerCase()) !== undefined;
    return isLowerOne ? 'repository name must be lowercase' : 'invalid reference format';
  }
  const { name, tag, digest } = found;
  if (name.length > MAX_NAME) return `repository name must not be more than ${MAX_NAME} characters`;
  const reference = tag === undefined && digest === undefined ? `${text}:latest` : text;
  return { reference, repository: withRegistry(name) };
}

function withRegistry(name: string): string {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  if (isHost) return first === 'index.docker.io' ? `docker.io${name.slice(slash)}` : name;
  return slash < 0 ? `docker.io/library/${name}` : `docker.io/${name}`;
}
