import { field, type FieldError, statusError } from '../model/errors.js';
import { isObject, type JsonObject } from '../model/object.js';
import type { Verb } from '../plan/route.js';

interface Asked {
  readonly verb: Verb;
  readonly query: URLSearchParams;
  readonly body: unknown;
  /** The patch is to be applied. */
  readonly isApply: boolean;
}

const OPTIONS: Readonly<Partial<Record<Verb, string>>> = {
  create: 'CreateOptions',
  update: 'UpdateOptions',
  patch: 'PatchOptions',
  delete: 'DeleteOptions',
  deletecollection: 'DeleteOptions',
  list: 'ListOptions',
  watch: 'ListOptions',
};

/**
 * Checks the options of a request.
 *
 * @throws {StatusError} 422, and 400 for numbers that are none
 * @see Kubernetes 1.36 apimachinery pkg/apis/meta/{internalversion,v1}/validation/validation.go
 */
export function checkOptions(asked: Asked): void {
  const { verb } = asked;
  const kind = OPTIONS[verb];
  if (kind === undefined) return;
  const errors = errorsOf(asked);
  if (errors.length > 0) throw statusError.invalid({ group: 'meta.k8s.io', kind }, '', errors);
}

function errorsOf(asked: Asked): readonly FieldError[] {
  switch (asked.verb) {
    case 'list':
      return listErrors(asked.query, false);
    case 'watch':
      return listErrors(asked.query, true);
    case 'delete':
    case 'deletecollection':
      return deleteErrors(asked);
    default:
      return writeErrors(asked);
  }
}

const MATCHES = ['Exact', 'NotOlderThan', ''];

function listErrors(query: URLSearchParams, isWatch: boolean): readonly FieldError[] {
  for (const name of ['limit', 'timeoutSeconds']) {
    const text = query.get(name) ?? '';
    if (/^(-?\d+)?$/.test(text)) continue;
    throw statusError.badRequest(`strconv.ParseInt: parsing "${text}": invalid syntax`);
  }
  const match = query.get('resourceVersionMatch') ?? '';
  const version = query.get('resourceVersion') ?? '';
  const token = query.get('continue') ?? '';
  const sendsInitial = (query.get('sendInitialEvents') ?? '') !== '';
  if (token !== '' && version !== '' && version !== '0') {
    throw statusError.badRequest('specifying resource version is not allowed when using continue');
  }
  const errors: FieldError[] = [];
  const forbid = (why: string, path = 'resourceVersionMatch') =>
    errors.push(field.forbidden(path, why));
  const unknown = (known: readonly string[]) =>
    errors.push(field.notSupported('resourceVersionMatch', match, known));
  if (isWatch) {
    if (match !== '' && !sendsInitial) {
      forbid('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
    }
    if (sendsInitial) {
      if (match !== 'NotOlderThan') {
        forbid('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
        if (match !== '') unknown(['NotOlderThan']);
      }
      if (token !== '') forbid('sendInitialEvents is forbidden for continue', 'continue');
    }
    return errors;
  }
  if (match !== '') {
    if (version === '')
      forbid('resourceVersionMatch is forbidden unless resourceVersion is provided');
    if (token !== '') forbid('resourceVersionMatch is forbidden when continue is provided');
    if (!MATCHES.includes(match)) unknown(MATCHES);
    if (match === 'Exact' && version === '0') {
      forbid('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
    }
  }
  if (sendsInitial) forbid('sendInitialEvents is forbidden for list', 'sendInitialEvents');
  return errors;
}

const LONGEST_MANAGER = 128;
const VALIDATIONS = ['', 'Ignore', 'Strict', 'Warn'];

function writeErrors({ verb, query, isApply }: Asked): readonly FieldError[] {
  const errors: FieldError[] = [];
  const manager = query.get('fieldManager') ?? '';
  if (verb === 'patch') {
    if (isApply && manager === '') {
      errors.push(field.required('fieldManager', 'is required for apply patch'));
    }
    if (!isApply && query.has('force')) {
      errors.push(field.forbidden('force', 'may not be specified for non-apply patch'));
    }
  }
  if (manager.length > LONGEST_MANAGER) errors.push(field.tooLong('fieldManager', LONGEST_MANAGER));
  errors.push(...dryRunErrors(query.getAll('dryRun')));
  const validation = query.get('fieldValidation') ?? '';
  if (!VALIDATIONS.includes(validation)) {
    errors.push(field.notSupported('fieldValidation', validation, VALIDATIONS));
  }
  return errors;
}

function dryRunErrors(given: readonly string[]): readonly FieldError[] {
  if (given.every((one) => one === 'All' || one === '')) return [];
  return [field.notSupported('dryRun', given, ['All'])];
}

const POLICIES = ['Foreground', 'Background', 'Orphan', 'nil'];
const KNOWN_POLICIES: ReadonlySet<unknown> = new Set(['Foreground', 'Background', 'Orphan']);

function deleteErrors({ query, body }: Asked): readonly FieldError[] {
  const options: JsonObject = isObject(body) ? body : {};
  const { propagationPolicy: inBody, orphanDependents: orphan, dryRun } = options;
  const policy = inBody ?? query.get('propagationPolicy') ?? undefined;
  const hasOrphan = orphan !== undefined || query.has('orphanDependents');
  const errors: FieldError[] = [];
  if (policy !== undefined && hasOrphan) {
    const why = 'orphanDependents and deletionPropagation cannot be both set';
    errors.push(field.invalid('propagationPolicy', policy, why));
  }
  if (policy !== undefined && !KNOWN_POLICIES.has(policy)) {
    errors.push(field.notSupported('propagationPolicy', policy, POLICIES));
  }
  const given: readonly unknown[] = Array.isArray(dryRun) ? dryRun : query.getAll('dryRun');
  return [...errors, ...dryRunErrors(given.map(String))];
}
