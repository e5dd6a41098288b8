/** Says how an agent takes a setting that an operator made. */
export type Effect = 'acts' | 'inert upstream too' | 'warned of when set' | 'refused';

/** One row of docs/settings.md. */
export interface Setting {
  readonly name: string;
  /** As a file would contain it; empty if there is none. */
  readonly usual: string;
  readonly effect: Effect;
  /** Why it does not act; empty for one that acts. */
  readonly why: string;
  /** Tests in the notation of docs/conformance.md; never empty for a setting that acts. */
  readonly test: string;
}

/** One entry of the tables in `proofs.ts`. */
export type Proof =
  | Readonly<{ test: string; refused?: never; inert?: never }>
  | Readonly<{ inert: string; refused?: never }>
  | Readonly<{ refused: string; test: string; inert?: never }>;

/** Settings that a program has, beside what the tables say of them. */
export interface Known {
  readonly name: string;
  readonly usual: string;
  /** Text of the warning that the setting has no effect; undefined if there is none. */
  readonly unused: string | undefined;
  /** Proof that follows from the setting's name; the tables may name a better one. */
  readonly proof: Proof | undefined;
}

/**
 * Joins what the programs have with the tables.
 *
 * @returns also one line per setting without proof, and per proof without setting
 */
export function settingsOf(
  known: readonly Known[],
  proofs: Readonly<Record<string, Proof>>,
): Readonly<{ settings: readonly Setting[]; problems: readonly string[] }> {
  const problems: string[] = [];
  const settings = known.map(({ name, usual, unused, proof: implied }): Setting => {
    const proof: Proof | undefined = proofs[name] ?? implied;
    const row = { name, usual };
    if (unused !== undefined) {
      if (proofs[name] !== undefined) problems.push(`${name} has a proof, but is warned of`);
      return { ...row, effect: 'warned of when set', why: unused, test: '' };
    }
    if (proof === undefined) {
      problems.push(
        `${name} neither acts with a test, nor is warned of, refused or inert upstream`,
      );
      return { ...row, effect: 'acts', why: '', test: '' };
    }
    if (proof.inert !== undefined)
      return { ...row, effect: 'inert upstream too', why: proof.inert, test: '' };
    if (proof.refused !== undefined) {
      return { ...row, effect: 'refused', why: proof.refused, test: proof.test };
    }
    return { ...row, effect: 'acts', why: '', test: proof.test };
  });
  const names = new Set(known.map(({ name }) => name));
  for (const name of Object.keys(proofs)) {
    if (!names.has(name)) problems.push(`there is no setting ${name} that the tables name`);
  }
  return { settings, problems };
}

/** Sections that contain further fields; other objects are values of one field. */
const isSection = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.keys(value).length > 0;

/**
 * Lists the fields of a document as dotted paths, in its order, with their values as text.
 *
 * @param whole paths of objects that are values, not sections
 */
export function fieldsOf(
  document: Readonly<Record<string, unknown>>,
  whole: ReadonlySet<string>,
  above = '',
): readonly Readonly<{ name: string; usual: string }>[] {
  return Object.entries(document).flatMap(([key, value]) => {
    const name = above + key;
    if (isSection(value) && !whole.has(name)) return fieldsOf(value, whole, `${name}.`);
    return [{ name, usual: textOf(value) }];
  });
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  const text: string = JSON.stringify(value);
  return text === '[]' || text === '{}' ? '' : text;
}
