/** Names what answers; the handlers are put to the names in `run/`. */
export type RouteName =
  | 'healthz'
  | 'pods'
  | 'stats-summary'
  | 'metrics'
  | 'metrics-cadvisor'
  | 'metrics-resource'
  | 'metrics-probes'
  | 'metrics-slis'
  | 'run'
  | 'exec'
  | 'attach'
  | 'port-forward'
  | 'container-logs'
  | 'configz'
  | 'runningpods'
  | 'checkpoint'
  | 'statusz'
  | 'flagz'
  | 'logs';

export interface RouteSpec {
  readonly name: RouteName;
  readonly methods: readonly ('GET' | 'POST')[];
  /** `:word` takes one element of the path, a last `*` all that follow. */
  readonly path: string;
  /** `open` is on the read-only port too; `debug` goes with `enableDebuggingHandlers`. */
  readonly set: 'open' | 'debug';
}

const GET = ['GET'] as const;
const POST = ['POST'] as const;
const BOTH = ['GET', 'POST'] as const;

const container = (name: RouteName, prefix: string, methods: RouteSpec['methods']): RouteSpec[] => [
  { name, methods, path: `/${prefix}/:namespace/:pod/:container`, set: 'debug' },
  { name, methods, path: `/${prefix}/:namespace/:pod/:uid/:container`, set: 'debug' },
];

/**
 * Every path that the node API answers. The first that fits is taken; what nobody serves answers
 * 404, after the same questions of identity and permission.
 *
 * @see Kubernetes 1.36 pkg/kubelet/server/server.go, InstallAuthNotRequiredHandlers and
 *   InstallAuthRequiredHandlers
 */
export const ROUTES: readonly RouteSpec[] = [
  { name: 'healthz', methods: GET, path: '/healthz', set: 'open' },
  { name: 'healthz', methods: GET, path: '/healthz/:check', set: 'open' },
  { name: 'pods', methods: GET, path: '/pods', set: 'open' },
  { name: 'stats-summary', methods: BOTH, path: '/stats/summary', set: 'open' },
  { name: 'metrics', methods: GET, path: '/metrics', set: 'open' },
  { name: 'metrics-cadvisor', methods: GET, path: '/metrics/cadvisor', set: 'open' },
  { name: 'metrics-resource', methods: GET, path: '/metrics/resource', set: 'open' },
  { name: 'metrics-probes', methods: GET, path: '/metrics/probes', set: 'open' },
  { name: 'metrics-slis', methods: GET, path: '/metrics/slis', set: 'open' },
  ...container('run', 'run', POST),
  ...container('exec', 'exec', BOTH),
  ...container('attach', 'attach', BOTH),
  { name: 'port-forward', methods: BOTH, path: '/portForward/:namespace/:pod', set: 'debug' },
  { name: 'port-forward', methods: BOTH, path: '/portForward/:namespace/:pod/:uid', set: 'debug' },
  {
    name: 'container-logs',
    methods: GET,
    path: '/containerLogs/:namespace/:pod/:container',
    set: 'debug',
  },
  { name: 'configz', methods: GET, path: '/configz', set: 'debug' },
  { name: 'runningpods', methods: GET, path: '/runningpods', set: 'debug' },
  {
    name: 'checkpoint',
    methods: POST,
    path: '/checkpoint/:namespace/:pod/:container',
    set: 'debug',
  },
  { name: 'statusz', methods: GET, path: '/statusz', set: 'debug' },
  { name: 'flagz', methods: GET, path: '/flagz', set: 'debug' },
  { name: 'logs', methods: GET, path: '/logs', set: 'debug' },
  { name: 'logs', methods: GET, path: '/logs/*', set: 'debug' },
];

/** What answers 405 and says so when debugging handlers are off. */
export const DEBUG_PREFIXES: readonly string[] = [
  '/run/',
  '/exec/',
  '/attach/',
  '/portForward/',
  '/containerLogs/',
  '/runningpods/',
  '/debug/pprof/',
  '/logs/',
];

export interface AccessRule {
  /** This path and everything below it. */
  readonly path: string;
  /** Of `nodes`; the first that is allowed is enough. */
  readonly subresources: readonly string[];
}

/**
 * Which permission a path needs; `proxy` opens every door, and the only one to all other paths.
 *
 * @see Kubernetes 1.36 pkg/kubelet/server/auth.go, GetRequestAttributes
 */
export const ACCESS_RULES: readonly AccessRule[] = [
  { path: '/pods', subresources: ['pods', 'proxy'] },
  { path: '/runningpods', subresources: ['pods', 'proxy'] },
  { path: '/healthz', subresources: ['healthz', 'proxy'] },
  { path: '/configz', subresources: ['configz', 'proxy'] },
  { path: '/stats', subresources: ['stats'] },
  { path: '/metrics', subresources: ['metrics'] },
  { path: '/logs', subresources: ['log'] },
  { path: '/checkpoint', subresources: ['checkpoint'] },
  { path: '/statusz', subresources: ['statusz'] },
  { path: '/flagz', subresources: ['configz'] },
];

export const OTHER_ACCESS: readonly string[] = ['proxy'];
