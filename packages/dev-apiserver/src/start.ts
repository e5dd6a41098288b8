import { randomInt, randomUUID } from 'node:crypto';
import { isIPv6 } from 'node:net';

import { type Clock, type Logger, SILENT_LOGGER } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';
import type { Connection } from '@nodeagent/kube-client';
import { createKubeClient, type HttpKubeClient } from '@nodeagent/kube-client/http';

import { startHttpsServer } from './adapters/https-server.js';
import { renderKubeconfig } from './adapters/kubeconfig.js';
import {
  createCertificateAuthority,
  type Identity,
  type KeyedCertificate,
} from './adapters/pki.js';
import { createTokenSigner } from './adapters/token-signer.js';
import { callWebhook } from './adapters/webhook-caller.js';
import type { CelTools } from './model/cel-tools.js';
import type { UserInfo } from './model/request.js';
import { formatIp, parseIpRange } from './plan/ip-range.js';
import type { ResolveService } from './ports.js';
import { createAdmission } from './run/admission.js';
import { Api } from './run/api.js';
import { createTokenAuthenticator } from './run/authenticator.js';
import { createAuthorizer } from './run/authorizer.js';
import { bootstrap } from './run/bootstrap.js';
import { Catalog } from './run/catalog.js';
import { serveCustomResources } from './run/custom-resources.js';
import { Expressions } from './run/expressions.js';
import { createLateBindings } from './run/noticed-bindings.js';
import { createParamAccess } from './run/param-access.js';
import { Policies } from './run/policies.js';
import { keepPolicyStatus } from './run/policy-status.js';
import { Registry } from './run/registry.js';
import { ServiceAddresses } from './run/service-addresses.js';
import { Store } from './run/store.js';
import { createSubresources } from './run/subresources/subresources.js';
import { Webhooks } from './run/webhooks.js';

/** Without any, the server listens on a free port of the loopback interface. */
export interface DevApiServerOptions {
  /**
   * Address to listen on; 127.0.0.1 when absent. Another address is for a node in its own network
   * namespace.
   */
  readonly host?: string;
  /** 0 or absent for any free port. */
  readonly port?: number;
  /** One or two CIDRs of different families; Services use the first one's family by default. */
  readonly serviceCidrs?: readonly string[];
  /** 30000–32767 when absent. */
  readonly nodePorts?: Readonly<{ first: number; last: number }>;
  /** Users by bearer token. */
  readonly tokens?: ReadonlyMap<string, UserInfo>;
  /** Maximum lifetime of service account tokens; unlimited when absent. */
  readonly longestTokenSeconds?: number;
  /**
   * A node's token requests for a pod are refused for this time, counted from the first one, as by
   * a node authorizer that has not noticed the pod's binding yet; when absent they are granted at
   * once.
   */
  readonly bindingLagMs?: number;
  /**
   * Quiet watches stay silent to their end, as most do on a real server; when absent they get a
   * bookmark each minute and at their end.
   */
  readonly withholdsBookmarks?: boolean;
  /**
   * Finds the server of an admission webhook that is given as a Service, for example
   * `() => 'https://127.0.0.1:9443'`. Without it, or when it returns undefined, a ready endpoint of
   * the Service's EndpointSlices is called; its certificate must be for `name.namespace.svc`.
   */
  readonly resolveService?: ResolveService;
  readonly clock?: Clock;
  readonly log?: Logger;
}

/** A running server. Everything in it is gone after `stop`. */
export interface DevApiServer {
  /** For example `https://127.0.0.1:6443`. */
  readonly url: string;
  readonly caCertificatePem: string;
  /** Returns a kubeconfig as YAML, with a new client certificate; of the admin when absent. */
  kubeconfig(identity?: Identity): Promise<string>;
  /** Returns what `createKubeClient` needs to call this server as this user; admin when absent. */
  connection(identity?: Identity): Promise<Connection>;
  /** Returns a client with this identity, admin when absent; `stop` closes it too. */
  client(identity?: Identity): Promise<HttpKubeClient>;
  issueClientCertificate(identity: Identity): Promise<KeyedCertificate>;
  /** @param names host names and addresses, for example of a kubelet's own server */
  issueServerCertificate(commonName: string, names: readonly string[]): Promise<KeyedCertificate>;
  /** Ends all watches and closes the port; all stored objects are lost. */
  stop(): Promise<void>;
}

/** The identity with which the API server calls kubelets. */
const NODE_CLIENT = { user: 'kube-apiserver-kubelet-client', groups: ['system:masters'] };
const LOOPBACK = '127.0.0.1';
const SERVICE_CIDRS = ['10.96.0.0/16', 'fd00:10:96::/112'];
const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

/**
 * Starts the API server in this process.
 *
 * @throws {ApiServerError} `APISERVER_OPTIONS`, `APISERVER_LISTEN`
 * @example
 * ```ts
 * import { startDevApiServer } from '@nodeagent/dev-apiserver';
 * import { NAMESPACES } from '@nodeagent/kube-client';
 * import { createKubeClient } from '@nodeagent/kube-client/http';
 * import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';
 *
 * const server = await startDevApiServer();
 * const text = await server.kubeconfig({ user: 'admin', groups: ['system:masters'] });
 * const client = createKubeClient(await loadKubeconfig({ text }));
 * const { metadata } = await client.get(NAMESPACES, { name: 'default' }, AbortSignal.timeout(9000));
 * console.log(metadata?.name); // default
 * client.close();
 * await server.stop();
 * ```
 */
export async function startDevApiServer(options: DevApiServerOptions = {}): Promise<DevApiServer> {
  const host = options.host ?? LOOPBACK;
  const clock = options.clock ?? createSystemClock();
  const log = options.log ?? SILENT_LOGGER;
  const ranges = (options.serviceCidrs ?? SERVICE_CIDRS).map(parseIpRange);
  const nodePorts = options.nodePorts ?? { first: 30_000, last: 32_767 };
  const addresses = new ServiceAddresses(ranges, nodePorts);
  // Microseconds since 1970: above all versions of an earlier run with fewer than a million writes
  // a second.
  const store = new Store(Math.floor(clock.nowMs()) * 1_000);
  const registry = new Registry({ store, clock, newUid: randomUUID, newSuffix });
  const catalog = new Catalog();
  const expressions = new Expressions(loadTools);
  serveCustomResources(registry, catalog, expressions, (err) => {
    log.error({ err }, 'custom resources cannot be served');
  });
  keepPolicyStatus({ registry, catalog }, expressions, (err) => {
    log.error({ err }, 'the status of a policy cannot be kept');
  });
  const authority = await createCertificateAuthority(clock.nowMs());
  const signer = await createTokenSigner(ISSUER, () => clock.nowMs());
  const { bindingLagMs: lagMs } = options;
  const bindings = lagMs === undefined ? undefined : createLateBindings(clock, lagMs);
  const authorizer = createAuthorizer(registry, bindings);
  const checkParamAccess = createParamAccess({ registry, catalog, authorizer });
  registry.useAdmission(
    createAdmission({ registry, addresses, expressions, checkParamAccess, newSuffix }),
  );
  const webhooks = new Webhooks({
    ...{ registry, catalog, authorizer, expressions, call: callWebhook, newUid: randomUUID },
    policies: new Policies({ registry, catalog, authorizer, expressions }),
    resolveService: options.resolveService,
  });
  const authenticate = createTokenAuthenticator({
    ...{ registry, signer, clock },
    staticTokens: options.tokens ?? new Map(),
  });
  const subresources = createSubresources({
    registry,
    authorizer,
    signer,
    longestTokenSeconds: options.longestTokenSeconds ?? Infinity,
    authenticate,
    csrSigner: authority,
  });
  const server = await startHttpsServer({
    api: new Api({ webhooks, catalog, registry, authorizer, subresources, expressions }),
    host,
    port: options.port ?? 0,
    certificate: await authority.issueServer('kube-apiserver', serverNames(options), clock.nowMs()),
    caPem: authority.certificatePem,
    authenticate,
    apiAudience: signer.apiAudience,
    nodeIdentity: await authority.issueClient(NODE_CLIENT, clock.nowMs()),
    sendsBookmarks: options.withholdsBookmarks !== true,
    log,
  });
  bootstrap(registry, {
    caPem: authority.certificatePem,
    host,
    port: server.port,
    serviceCidrs: ranges.map(({ cidr }) => cidr),
    serviceIp: firstServiceAddress(ranges[0]?.cidr ?? ''),
  });
  const url = `https://${isIPv6(host) ? `[${host}]` : host}:${server.port}`;
  log.info({ url }, 'API server is ready');
  const clients = new Set<HttpKubeClient>();
  const connection = async (identity: Identity = ADMIN): Promise<Connection> => {
    const issued = await authority.issueClient(identity, clock.nowMs());
    return connectionOf(url, authority.certificatePem, issued);
  };
  return {
    url,
    caCertificatePem: authority.certificatePem,
    connection,
    client: async (identity) => {
      const client = createKubeClient(await connection(identity));
      clients.add(client);
      return client;
    },
    kubeconfig: async (identity = ADMIN) => {
      const client = await authority.issueClient(identity, clock.nowMs());
      return renderKubeconfig(url, authority.certificatePem, { ...client, user: identity.user });
    },
    issueClientCertificate: (identity) => authority.issueClient(identity, clock.nowMs()),
    issueServerCertificate: (name, names) => authority.issueServer(name, names, clock.nowMs()),
    stop: async () => {
      for (const client of clients) client.close();
      await server.close();
    },
  };
}

const ADMIN: Identity = { user: 'admin', groups: ['system:masters'] };

function connectionOf(url: string, caPem: string, issued: KeyedCertificate): Connection {
  const inline = (text: string) => ({ kind: 'inline', text }) as const;
  const { certificatePem, keyPem } = issued;
  return {
    server: url,
    source: 'the development API server',
    ca: inline(caPem),
    user: { clientCertificate: { certificate: inline(certificatePem), key: inline(keyPem) } },
  };
}

function serverNames({
  host = LOOPBACK,
  serviceCidrs = SERVICE_CIDRS,
}: DevApiServerOptions): readonly string[] {
  const firstAddresses = serviceCidrs.map((cidr) => firstServiceAddress(cidr));
  const service = 'kubernetes.default.svc.cluster.local'.split('.');
  const names = [1, 2, 3, 5].map((count) => service.slice(0, count).join('.'));
  return [...new Set([host, '127.0.0.1', '::1', 'localhost']), ...names, ...firstAddresses];
}

function firstServiceAddress(cidr: string): string {
  const { first, family } = parseIpRange(cidr);
  return formatIp(first + 1n, family);
}

function newSuffix(): string {
  return Array.from({ length: 5 }, () => SUFFIX_LETTERS[randomInt(SUFFIX_LETTERS.length)]).join('');
}

/** Expressions need a parser and a library of functions, which servers without any do without. */
async function loadTools(): Promise<CelTools> {
  const { celTools } = await import('./adapters/cel-tools.js');
  return celTools;
}
