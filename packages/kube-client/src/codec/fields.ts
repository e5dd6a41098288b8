import { KubeError } from '../model/errors.js';
import { isObject } from './decode-json.js';

/** Collects the problems of a document, to report all of them together. */
export class Problems {
  readonly #source: string;
  readonly #found: string[] = [];

  /** @param source `kubeconfig /etc/kubernetes/kubelet.conf` */
  constructor(source: string) {
    this.#source = source;
  }

  /** @param at `users[0].user.token`; empty for the document itself */
  add(at: string, problem: string): void {
    this.#found.push(at === '' ? problem : `${at}: ${problem}`);
  }

  /** @throws {KubeError} `KUBE_CONFIG` with the list of problems, if there are any */
  throwIfAny(): void {
    const [first, ...others] = this.#found;
    if (first === undefined) return;
    const list = others.length === 0 ? ` ${first}` : this.#found.map((p) => `\n  ${p}`).join('');
    throw new KubeError('KUBE_CONFIG', `${this.#source}:${list}`);
  }
}

/**
 * A place in a parsed YAML or JSON document. Reading a member of the wrong type adds a problem and
 * returns the same as for an absent member.
 */
export class Field {
  readonly at: string;
  readonly #value: unknown;
  readonly #problems: Problems;

  constructor(value: unknown, problems: Problems, at = '') {
    this.#value = value ?? undefined;
    this.#problems = problems;
    this.at = at;
  }

  get present(): boolean {
    return this.#value !== undefined;
  }

  /** Returns the member; it is absent when this field is absent. */
  member(name: string): Field {
    const at = this.at === '' ? name : `${this.at}.${name}`;
    const object = this.#as('a map', isObject);
    return new Field(object?.[name], this.#problems, at);
  }

  items(): readonly Field[] {
    const list = this.#as('a list', Array.isArray) ?? [];
    return list.map((item, i) => new Field(item, this.#problems, `${this.at}[${i}]`));
  }

  /** Returns the names of the members. */
  keys(): readonly string[] {
    return Object.keys(this.#as('a map', isObject) ?? {});
  }

  /** Returns undefined when absent or empty. */
  text(): string | undefined {
    const text = this.#as('a text', (value) => typeof value === 'string');
    return text === '' ? undefined : text;
  }

  boolean(): boolean | undefined {
    return this.#as('true or false', (value) => typeof value === 'boolean');
  }

  /** Reads like {@link Field.text}, but absence is a problem too. */
  requiredText(): string {
    if (!this.present || this.#value === '') this.problem('is required');
    return this.text() ?? '';
  }

  problem(problem: string): void {
    this.#problems.add(this.at, problem);
  }

  #as<T>(wanted: string, fits: (value: unknown) => value is T): T | undefined {
    if (this.#value === undefined) return undefined;
    if (fits(this.#value)) return this.#value;
    this.problem(`must be ${wanted}`);
    return undefined;
  }
}
