/** Names of routes; `run/` maps them to handlers. */
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
  | 'logs'
  | 'profiles'
  | 'verbosity';

export interface RouteSpec {
  readonly name: RouteName;
  readonly methods: readonly ('GET' | 'POST' | 'PUT')[];
  /** `:word` matches one path element, a final `*` all remaining ones. */
  readonly path: string;
  /**
   * `open` routes are also on the read-only port; `debug` routes need `enableDebuggingHandlers`.
   */
  readonly set: 'open' | 'debug';
}

const GET = ['GET'] as const;
const POST = ['POST'] as const;
/** The handler itself refuses those that it does not serve. */
const ALL = ['GET', 'POST', 'PUT'] as const;
const BOTH = ['GET', 'POST'] as const;

const container = (name: RouteName, prefix: string, methods: RouteSpec['methods']): RouteSpec[] => [
  { name, methods, path: `/${prefix}/:namespace/:pod/:container`, set: 'debug' },
  { name, methods, path: `/${prefix}/:namespace/:pod/:uid/:container`, set: 'debug' },
];

/**
 * Every path of the node API; the first match applies. An unknown path answers 404, after the same
 * authentication and authorization.
 *
 * @see Kubernetes 1.36 pkg/kubelet/server/server.go, InstallAuthNotRequiredHandlers and InstallAuthRequiredHandlers
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
  { name: 'profiles', methods: GET, path: '/debug/pprof', set: 'debug' },
  { name: 'profiles', methods: GET, path: '/debug/pprof/*', set: 'debug' },
  { name: 'verbosity', methods: ALL, path: '/debug/flags/v', set: 'debug' },
];

/** Paths that answer 405 with an explanation while debugging handlers are disabled. */
export const DEBUG_PREFIXES: readonly string[] = [
  '/run/',
  '/exec/',
  '/attach/',
  '/portForward/',
  '/containerLogs/',
  '/runningpods/',
  '/debug/pprof/',
  '/debug/flags/v/',
  '/logs/',
];

export interface AccessRule {
  /** This path and all paths below it. */
  readonly path: string;
  /** Subresources of `nodes`; permission for any one suffices. */
  readonly subresources: readonly string[];
}

/**
 * The permissions that each path needs. `proxy` grants all paths; paths not listed here need it.
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
