const DOMAIN = String.raw`(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?`;
const COMPONENT = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`;
const REFERENCE = new RegExp(
  String.raw`^((?:${DOMAIN}/)?${COMPONENT}(?:/${COMPONENT})*)(?::([\w][\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$`,
);

export interface ImageReference {
  /** Registry host and path, as written. */
  readonly name: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/**
 * The parts of an image's name.
 *
 * @returns undefined when it is none
 * @see https://github.com/distribution/reference for the grammar
 */
export function parseImageReference(text: string): ImageReference | undefined {
  const found = REFERENCE.exec(text);
  if (found === null) return undefined;
  const [, name = '', tag, digest] = found;
  return { name, tag, digest };
}

/**
 * The policy of an image whose pod gives none: `Always` for the tag `latest`, written or meant.
 *
 * @see Kubernetes 1.36 pkg/apis/core/v1/defaults.go, SetDefaults_Container
 */
export function defaultPullPolicy(image: string): 'Always' | 'IfNotPresent' {
  const found = parseImageReference(image);
  if (found === undefined) return 'IfNotPresent';
  const tag = found.tag ?? (found.digest === undefined ? 'latest' : '');
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}
