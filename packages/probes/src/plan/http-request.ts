import { isIPv6 } from 'node:net';

import type { HttpHeader, PortRef, ProbeAction } from '../model/probe.js';
import type { ProbedInstance } from '../model/subject.js';

/** One GET, ready to be written to a socket. */
export interface HttpRequest {
  readonly scheme: 'http' | 'https';
  /** The name or address to connect to, IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** The path with its query. */
  readonly target: string;
  /** The value of the Host header. */
  readonly host: string;
  /** All other headers. */
  readonly headers: readonly HttpHeader[];
}

/** The `User-Agent`, unless the probe has a header of its own. */
export interface HttpRequestOptions {
  readonly userAgent: string;
}

/** Default headers; sent unless the probe names its own. */
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
  if (!DIALLED_NAME.test(hostname)) return `invalid host name ${JSON.stringify(hostname)}`;
  const { scheme, path } = action;
  return {
    scheme,
    hostname: hostname.replace(/^\[(.*)\]$/, '$1'),
    port,
    target: encodeTarget(path),
    ...planHeaders(action.headers, socketText({ hostname, port }), userAgent),
  };
}

/**
 * Allowed characters of a name or address to connect to: none with a special meaning in a URL or a
 * line.
 */
const DIALLED_NAME = /^[\w.~!$&'()*+,;=:%[\]\u0080-\uffff-]+$/;
/** A token of RFC 9110. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/**
 * Go golang.org/x/net/http/httpguts, ValidHeaderFieldValue: excludes control characters except the
 * tab.
 */
// oxlint-disable-next-line no-control-regex -- control characters are what must not be sent
const NOT_IN_VALUE = /[\x00-\x08\x0a-\x1f\x7f]/;
/** Go golang.org/x/net/http/httpguts, ValidHostHeader. */
const HOST = /^[\w!$%()*+,.:;=[\]'~@&-]*$/;

/**
 * Returns why the request cannot be sent; undefined when it can. Such a probe fails each time.
 *
 * @see Go net/http/transport.go, validateHeaders
 */
export function headerProblem({ headers, host }: HttpRequest): string | undefined {
  const bad = headers.find(({ name, value }) => !TOKEN.test(name) || NOT_IN_VALUE.test(value));
  if (bad !== undefined) {
    const what = TOKEN.test(bad.name) ? 'value for' : 'name';
    return `net/http: invalid header field ${what} ${JSON.stringify(bad.name)}`;
  }
  if (NOT_IN_VALUE.test(host)) return 'net/http: invalid header field value for "Host"';
  if (!HOST.test(host)) return `net/http: invalid host name ${JSON.stringify(host)}`;
  return undefined;
}

/** Headers that determine how the request is sent; the probe cannot set them. */
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
    // a header that is dropped fails the probe if it is invalid, as in Go
    if (OWN_HEADERS.has(lower)) return lower !== 'host' && NOT_IN_VALUE.test(value);
    return value !== '' || (lower !== 'accept' && lower !== 'user-agent');
  });
  if (has('user-agent') === undefined) headers.push({ name: 'User-Agent', value: userAgent });
  if (has('accept') === undefined) headers.push({ name: 'Accept', value: '*/*' });
  return { host: hostValue(has('host')?.value || authorityText), headers };
}

/**
 * Returns the value of the Host header. A host in another script is sent in ASCII; a legal header
 * value that is not a host is sent as empty text. Control characters stay, for {@link
 * headerProblem} to report.
 *
 * @see Go net/http/request.go, Request.write
 */
function hostValue(text: string): string {
  if (NOT_IN_VALUE.test(text)) return text;
  const ascii = isAscii(text) ? text : (asciiHost(text) ?? text);
  return HOST.test(ascii) || !isAscii(ascii) ? ascii : '';
}

/** @returns undefined for text that cannot be a host name */
function asciiHost(text: string): string | undefined {
  const colon = text.lastIndexOf(':');
  const [name, port] = colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon)];
  if (/[/?#@\\:[\]]/.test(name)) return undefined;
  const ascii = URL.parse(`http://${name}`)?.hostname;
  return ascii === undefined ? undefined : `${ascii}${port}`;
}

function isAscii(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- the range begins there
  return /^[\x00-\x7f]*$/.test(text);
}

/** The form in redirects: with the port unless it is the scheme's default; IPv6 in brackets. */
function authority({
  scheme,
  hostname,
  port,
}: Pick<HttpRequest, 'scheme' | 'hostname' | 'port'>): string {
  const host = isIPv6(hostname) ? `[${hostname}]` : hostname;
  return port === (scheme === 'https' ? 443 : 80) ? host : `${host}:${port}`;
}

/** Always includes the port, unlike {@link authority}. */
function socketText({ hostname, port }: Pick<HttpRequest, 'hostname' | 'port'>): string {
  return `${isIPv6(hostname) ? `[${hostname}]` : hostname}:${port}`;
}

/** The address as users see it in messages. */
export function requestUrl(request: HttpRequest): string {
  return `${request.scheme}://${socketText(request)}${request.target}`;
}

/** An absolute path without a fragment and without characters that would end the request line. */
function encodeTarget(path: string): string {
  const [withoutFragment = ''] = path.toWellFormed().split('#', 1);
  const absolute = withoutFragment.startsWith('/') ? withoutFragment : `/${withoutFragment}`;
  // oxlint-disable-next-line no-control-regex -- control characters are what must not be sent
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

/** The decision on a 3xx answer. */
export type RedirectStep =
  | Readonly<{ kind: 'answer' }>
  | Readonly<{ kind: 'follow'; request: HttpRequest }>
  | Readonly<{ kind: 'fail'; detail: string }>;

const MAX_REDIRECTS = 10;

/**
 * Follows redirects to the same host name, on any port and with either scheme; another host is not
 * contacted.
 *
 * @param hops number of redirects followed so far
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
