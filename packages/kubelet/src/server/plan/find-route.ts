import { DEBUG_PREFIXES, ROUTES, type RouteSpec } from '../model/routes.js';

export type RouteMatch =
  | Readonly<{ kind: 'found'; route: RouteSpec; params: Readonly<Record<string, string>> }>
  /** The path exists, but not with this method. */
  | Readonly<{ kind: 'method' }>
  | Readonly<{ kind: 'debug-disabled' }>
  | Readonly<{ kind: 'unknown' }>;

export interface RouteLimits {
  /** Enables the routes that need `enableDebuggingHandlers`. */
  readonly debug: boolean;
}

/**
 * @param path percent-encoded; each element is decoded separately, so that an encoded slash does
 *   not split an element
 */
export function findRoute(method: string, path: string, { debug }: RouteLimits): RouteMatch {
  const isOff = !debug && DEBUG_PREFIXES.some((prefix) => `${path}/`.startsWith(prefix));
  if (isOff) return { kind: 'debug-disabled' };
  const elements = decoded(path);
  if (elements === undefined) return { kind: 'unknown' };
  let otherMethod = false;
  for (const route of ROUTES) {
    if (route.set === 'debug' && !debug) continue;
    const params = matched(route.path.slice(1).split('/'), elements);
    if (params === undefined) continue;
    const asked = method === 'HEAD' ? 'GET' : method;
    if (route.methods.some((one) => one === asked)) return { kind: 'found', route, params };
    otherMethod = true;
  }
  return { kind: otherMethod ? 'method' : 'unknown' };
}

/** @returns undefined if an element cannot be decoded */
function decoded(path: string): readonly string[] | undefined {
  try {
    return path.slice(1).replace(/\/$/, '').split('/').map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

function matched(
  pattern: readonly string[],
  elements: readonly string[],
): Readonly<Record<string, string>> | undefined {
  const params: Record<string, string> = {};
  const open = pattern.at(-1) === '*';
  const fixed = open ? pattern.slice(0, -1) : pattern;
  if (open ? elements.length <= fixed.length : elements.length !== fixed.length) return undefined;
  for (const [i, part] of fixed.entries()) {
    const element = elements[i] ?? '';
    if (!part.startsWith(':')) {
      if (part !== element) return undefined;
    } else if (element === '') return undefined;
    else params[part.slice(1)] = element;
  }
  if (open) params['rest'] = elements.slice(fixed.length).join('/');
  return params;
}

const LONG_RUNNING: ReadonlySet<string> = new Set(['exec', 'attach', 'debug']);
const SEGMENTS: ReadonlySet<string> = new Set([
  ...ROUTES.map(({ path }) => path.split('/')[1] ?? ''),
  'debug',
]);

export interface RequestLabels {
  readonly method: string;
  readonly path: string;
  readonly long_running: string;
}

/**
 * Labels with a bounded set of values, whatever clients request: the first element of a known path.
 */
export function requestLabels(method: string, path: string): RequestLabels {
  const [, first = '', second = ''] = path.split('/');
  const known = SEGMENTS.has(first);
  const below = first === 'metrics' && ROUTES.some((route) => route.path === path);
  const segment = !known ? 'other' : below && second !== '' ? `metrics/${second}` : first;
  return {
    method: ['GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'PATCH'].includes(method) ? method : 'other',
    path: segment,
    long_running: String(LONG_RUNNING.has(segment)),
  };
}
