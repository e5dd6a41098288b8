import { cutAt } from '@nodeagent/base';

const DOMAIN =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::\d+)?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;

/** The parts of `registry.example/shop/web:1@sha256:…`. */
export interface ImageReference {
  /** Registry host and path, as written. */
  readonly name: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/**
 * Splits an image name into its parts.
 *
 * @returns undefined if the text is not an image name
 * @see https://github.com/distribution/reference for the grammar
 * @example
 * ```ts
 * import { parseImageReference } from '@nodeagent/pod-rules';
 *
 * console.log(parseImageReference('registry.example:5000/shop/web:2')?.tag); // 2
 * console.log(parseImageReference('Shop/Web')); // undefined
 * ```
 */
export function parseImageReference(text: string): ImageReference | undefined {
  const [tagged, digest] = cutAt(text, '@');
  const colon = tagged.lastIndexOf(':');
  const hasTag = colon > tagged.lastIndexOf('/');
  const name = hasTag ? tagged.slice(0, colon) : tagged;
  const tag = hasTag ? tagged.slice(colon + 1) : undefined;
  const [first = '', ...rest] = name.split('/');
  const isDomain = rest.length > 0 && DOMAIN.test(first);
  const isName = (isDomain || COMPONENT.test(first)) && rest.every((part) => COMPONENT.test(part));
  const isTag = tag === undefined || TAG.test(tag);
  const isDigest = digest === undefined || DIGEST.test(digest);
  return isName && isTag && isDigest ? { name, tag, digest } : undefined;
}

/**
 * The pull policy of an image if the pod sets none: `Always` for the tag `latest`, explicit or
 * implied.
 *
 * @see Kubernetes 1.36 pkg/apis/core/v1/defaults.go, SetDefaults_Container
 */
export function defaultPullPolicy(image: string): 'Always' | 'IfNotPresent' {
  const found = parseImageReference(image);
  if (found === undefined) return 'IfNotPresent';
  const tag = found.tag ?? (found.digest === undefined ? 'latest' : '');
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}
