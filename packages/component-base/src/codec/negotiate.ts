/** A kind of an API group as which a page can be requested. */
export interface WantedKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** One of the media types that an `Accept` header lists. */
export interface WantedForm {
  /** Lower case; either half may be `*`. */
  readonly type: string;
  /** From the parameters `g`, `v` and `as`; undefined when all three are missing. */
  readonly kind: WantedKind | undefined;
}

/**
 * Parses an `Accept` header; the most wanted type comes first. Malformed clauses are left out.
 *
 * @see RFC 9110 section 12.5.1; Kubernetes 1.36
 *   staging/src/k8s.io/apiserver/pkg/endpoints/handlers/negotiation/negotiate.go
 */
export function parseAccept(header: string): readonly WantedForm[] {
  const clauses = header.split(',').flatMap((clause) => {
    const [type = '', ...words] = clause.split(';').map((word) => word.trim());
    if (!/^[^/\s]+\/[^/\s]+$/.test(type)) return [];
    const parameters = new Map(
      words.map((word) => {
        const equals = word.indexOf('=');
        return equals === -1 ? [word, ''] : [word.slice(0, equals), word.slice(equals + 1)];
      }),
    );
    const weight = Number(parameters.get('q') ?? 1);
    return [{ type: type.toLowerCase(), kind: kindOf(parameters), weight }];
  });
  return clauses
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ type, kind }) => ({ type, kind }));
}

function kindOf(parameters: ReadonlyMap<string, string>): WantedKind | undefined {
  if (!['g', 'v', 'as'].some((name) => parameters.has(name))) return undefined;
  const [group = '', version = '', kind = ''] = ['g', 'v', 'as'].map((name) =>
    parameters.get(name),
  );
  return { group, version, kind };
}

/** Reports whether a requested type, with or without `*`, matches this one. */
export function isWantedType(wanted: string, type: string): boolean {
  if (wanted === '*/*' || wanted === type) return true;
  return wanted.endsWith('/*') && type.startsWith(wanted.slice(0, -1));
}
