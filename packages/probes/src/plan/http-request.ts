import { isIPv6 } from 'node:net';

import type { HttpHeader, PortRef, ProbeAction } from '../model/probe.js';
import type { ProbedInstance } from '../model/subject.js';

/** One GET, ready to be written to a socket. */
export interface HttpRequest {
  readonly scheme: 'http' | 'https';
  /** Name or address to connect to, IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Path with query. */
  readonly target: string;
  /** Value of the Host header. */
  readonly host: string;
  /** All others. */
  readonly headers: readonly HttpHeader[];
}

export interface HttpRequestOptions {
  readonly userAgent: string;
}

/** Sent unless the probe names its own. */
export const PROBE_USER_AGENT = 'kube-probe/1.36';

type HttpAction = Extract<ProbeAction, { kind: 'http' }>;

/**
 * @returns text instead of a request when the action cannot be carried out on this instance
 * @see Kubernetes 1.36 pkg/probe/http/request.go
 */
export function planHttpRequest(
  action: HttpAction,
  instance: ProbedInstance,
  { userAgent }: HttpRequestOptions = { userAgent: PROBE_USER_AGENT },
): HttpRequest | string {
  const port = resolvePort(action.port, instance);
  if (typeof port === 'string') return port;
  const hostname = action.host ?? instance.address;
  if (hostname === undefined || hostname === '') return 'the instance has no address yet';
  const { scheme, path } = action;
  return {
    scheme,
    hostname: hostname.replace(/^\[(.*)\]$/, '$1'),
    port,
    target: encodeTarget(path),
    ...planHeaders(action.headers, socketText({ hostname, port }), userAgent),
  };
}

/** RFC 9110 token. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const LINE = /[\r\n\0]/;

/**
 * Why the headers cannot be sent; undefined where they can. Such a probe fails each time.
 *
 * @see Go net/http/transport.go, validateHeaders
 */
export function headerProblem({ headers }: HttpRequest): string | undefined {
  const bad = headers.find(({ name, value }) => !TOKEN.test(name) || LINE.test(value));
  if (bad === undefined) return undefined;
  const what = TOKEN.test(bad.name) ? 'value for' : 'name';
  return `net/http: invalid header field ${what} ${JSON.stringify(bad.name)}`;
}

/** What says how the request is sent is not the probe's to choose. */
const OWN_HEADERS = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'trailer',
]);

function planHeaders(
  given: readonly HttpHeader[],
  authorityText: string,
  userAgent: string,
): Pick<HttpRequest, 'host' | 'headers'> {
  const has = (wanted: string): HttpHeader | undefined =>
    given.find(({ name }) => name.toLowerCase() === wanted);
  const headers = given.filter(({ name, value }) => {
    const lower = name.toLowerCase();
    if (OWN_HEADERS.has(lower)) return false;
    return value !== '' || (lower !== 'accept' && lower !== 'user-agent');
  });
  if (has('user-agent') === undefined) headers.push({ name: 'User-Agent', value: userAgent });
  if (has('accept') === undefined) headers.push({ name: 'Accept', value: '*/*' });
  return { host: has('host')?.value || authorityText, headers };
}

/** As redirects name it: with the port unless it is the scheme's own; IPv6 in brackets. */
function authority({
  scheme,
  hostname,
  port,
}: Pick<HttpRequest, 'scheme' | 'hostname' | 'port'>): string {
  const host = isIPv6(hostname) ? `[${hostname}]` : hostname;
  return port === (scheme === 'https' ? 443 : 80) ? host : `${host}:${port}`;
}

/** Always with the port, unlike {@link authority}. */
function socketText({ hostname, port }: Pick<HttpRequest, 'hostname' | 'port'>): string {
  return `${isIPv6(hostname) ? `[${hostname}]` : hostname}:${port}`;
}

/** The address as users read it in messages. */
export function requestUrl(request: HttpRequest): string {
  return `${request.scheme}://${socketText(request)}${request.target}`;
}

/** Absolute path, no fragment, and nothing that would end the request line. */
function encodeTarget(path: string): string {
  const [withoutFragment = ''] = path.split('#', 1);
  const absolute = withoutFragment.startsWith('/') ? withoutFragment : `/${withoutFragment}`;
  // eslint-disable-next-line no-control-regex -- control characters are what must not be sent
  return absolute.replace(/[\x00-\x20\x7f"<>\\^`{|}]|[^\x00-\x7f]+/g, (text) =>
    encodeURIComponent(text),
  );
}

/** @returns text when there is no such port */
export function resolvePort(port: PortRef, { ports }: ProbedInstance): number | string {
  const number = typeof port === 'number' ? port : (ports?.[port] ?? numeric(port));
  if (number === undefined) return `there is no port named ${JSON.stringify(port)}`;
  if (number > 0 && number < 65536) return number;
  return `invalid port number: ${number}`;
}

function numeric(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** What to do with a 3xx answer. */
export type RedirectStep =
  | Readonly<{ kind: 'answer' }>
  | Readonly<{ kind: 'follow'; request: HttpRequest }>
  | Readonly<{ kind: 'fail'; detail: string }>;

const MAX_REDIRECTS = 10;

/**
 * Follows to the same host name, on any port and with either scheme; another host's answer is not
 * asked for.
 *
 * @param hops redirects that have been followed already
 * @see Kubernetes 1.36 pkg/probe/http/http.go, RedirectChecker
 */
export function planRedirect(
  request: HttpRequest,
  { status, location }: Readonly<{ status: number; location: string | undefined }>,
  hops: number,
): RedirectStep {
  if (![301, 302, 303, 307, 308].includes(status) || !location) return { kind: 'answer' };
  const url = URL.parse(location, requestUrl(request));
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return { kind: 'fail', detail: `failed to parse Location header ${JSON.stringify(location)}` };
  }
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const [before] = [URL.parse(requestUrl(request))?.hostname.replace(/^\[(.*)\]$/, '$1')];
  if (hostname !== before) return { kind: 'answer' };
  if (hops >= MAX_REDIRECTS - 1) {
    return { kind: 'fail', detail: `stopped after ${MAX_REDIRECTS} redirects` };
  }
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  const port = url.port === '' ? (scheme === 'https' ? 443 : 80) : Number(url.port);
  const target = `${url.pathname}${url.search}`;
  const absolute = URL.canParse(location);
  const host = absolute ? authority({ scheme, hostname, port }) : request.host;
  return { kind: 'follow', request: { ...request, scheme, port, target, host } };
}
