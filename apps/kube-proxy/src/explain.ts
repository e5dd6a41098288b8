import { isIPv6 } from 'node:net';

import {
  type FlagSpec,
  flagsToConfig,
  flagText,
  mergePatch,
  type ParsedFlags,
  parseFlags,
  renderHelp,
} from '@nodeagent/component-base';
import { readConfigFile } from '@nodeagent/component-base/process';
import {
  canonicalIp,
  CONFIG_KIND,
  type IpFamily,
  parseProxyConfig,
  projectNode,
  type ProxyConfig,
  ProxyError,
} from '@nodeagent/kube-proxy';
import {
  buildView,
  type ExplainInput,
  explainPacket,
  type Explanation,
  type NodeSketch,
  renderMode,
  type TraceOutcome,
  type TracePacket,
} from '@nodeagent/kube-proxy/explain';

import { FLAGS } from './flags.js';
import { type Manifests, readManifests } from './manifests.js';

/** Flags of `render` and `trace`, in addition to those of the configuration. */
const COMMON: readonly FlagSpec[] = [
  {
    name: 'filename',
    short: 'f',
    kind: 'list',
    help: 'files or directories with Services and EndpointSlices, and optionally the Node; - reads standard input',
  },
  {
    name: 'mode',
    kind: 'string',
    help: 'proxy mode, overrides the configuration',
    path: 'mode',
  },
  { name: 'node-ip', kind: 'list', help: "the node's addresses, used without a Node object" },
  { name: 'zone', kind: 'string', help: "the node's zone, used without a Node object" },
  { name: 'pod-cidr', kind: 'list', help: "the node's pod ranges, used without a Node object" },
];

const RENDER: readonly FlagSpec[] = [
  { name: 'family', kind: 'string', help: 'IPv4 or IPv6; default: both' },
];

const TRACE: readonly FlagSpec[] = [
  {
    name: 'from',
    kind: 'string',
    help: 'address of the sender, or "node"; default: a sender outside the cluster',
  },
  { name: 'protocol', kind: 'string', help: 'tcp, udp or sctp', default: 'tcp' },
  {
    name: 'in-interface',
    kind: 'string',
    help: 'interface of the node on which the packet arrives',
  },
];

const ABOUT = {
  render:
    'Prints the rules for Services and EndpointSlices from files. Needs neither root nor a cluster.',
  trace:
    'Explains where a packet to ADDRESS:PORT would go and why. Needs neither root nor a cluster.',
};

const USUAL_NODE_IPS = ['192.0.2.10', '2001:db8::10'];
const OUTSIDE = { IPv4: '198.18.0.1', IPv6: '2001:db8:ffff::1' };
const LOOPBACK = { IPv4: '127.0.0.1', IPv6: '::1' };

export type ExplainCommand = keyof typeof ABOUT;

/**
 * Runs `render` or `trace`.
 *
 * @param argv the arguments after the command's name
 * @yields pieces of the output
 * @throws {ConfigError} wrong flags or configuration
 * @throws {ProxyError} `PROXY_EXPLAIN` for unreadable files and invalid targets
 */
export async function* explain(
  command: ExplainCommand,
  argv: readonly string[],
  note: (text: string) => void,
): AsyncGenerator<string, void, undefined> {
  const isTrace = command === 'trace';
  const own = [...COMMON, ...(isTrace ? TRACE : RENDER)];
  const table = [...own, ...FLAGS.filter(({ name }) => !own.some((one) => one.name === name))];
  const [first = ''] = argv;
  const target = isTrace && !first.startsWith('-') ? first : undefined;
  const flags = parseFlags(table, target === undefined ? argv : argv.slice(1));
  if (flags.given.get('help') === true) {
    yield renderHelp(
      { name: `kube-proxy ${command}${isTrace ? ' ADDRESS:PORT' : ''}`, about: ABOUT[command] },
      table,
    );
    return;
  }
  const config = await configOf(flags, table);
  const manifests = await readManifests(listOf(flags, 'filename'));
  manifests.notes.forEach(note);
  const scene = { config, manifests, flags };
  if (isTrace) yield* traceText(scene, target ?? '');
  else yield* renderText(scene);
}

interface Scene {
  readonly config: ProxyConfig;
  readonly manifests: Manifests;
  readonly flags: ParsedFlags;
}

async function configOf(flags: ParsedFlags, table: readonly FlagSpec[]): Promise<ProxyConfig> {
  if (listOf(flags, 'filename').length === 0) {
    throw new ProxyError('PROXY_EXPLAIN', 'no manifests: name files or directories with -f');
  }
  const path = textOf(flags, 'config');
  const fromFile = path === '' ? {} : (await readConfigFile(path, CONFIG_KIND)).value;
  const fromFlags = flagsToConfig(path === '' ? table : COMMON, flags);
  return parseProxyConfig(mergePatch(fromFile, fromFlags), path === '' ? 'command line' : path)
    .config;
}

function* renderText({ config, manifests, flags }: Scene): Generator<string> {
  const wanted = textOf(flags, 'family');
  const families = (['IPv4', 'IPv6'] as const).filter(
    (family) => wanted === '' || wanted.toLowerCase() === family.toLowerCase(),
  );
  if (families.length === 0) {
    throw new ProxyError('PROXY_EXPLAIN', `--family: must be IPv4 or IPv6, found "${wanted}"`);
  }
  for (const family of families) {
    yield `# ${config.mode}, ${family}\n`;
    yield* renderMode(inputOf({ config, manifests, flags }, family));
  }
}

function* traceText(scene: Scene, target: string): Generator<string> {
  const { destination, destinationPort } = parseTarget(target);
  const family: IpFamily = isIPv6(destination) ? 'IPv6' : 'IPv4';
  const input = inputOf(scene, family);
  const from = textOf(scene.flags, 'from');
  const { addresses } = input.node;
  const usual = from === 'node' ? (addresses[0] ?? LOOPBACK[family]) : OUTSIDE[family];
  const given = from === '' || from === 'node' ? usual : canonicalIp(from);
  if (given === undefined || isIPv6(given) !== (family === 'IPv6')) {
    throw new ProxyError(
      'PROXY_EXPLAIN',
      `--from: "${from}" is neither an ${family} address nor "node"`,
    );
  }
  const inInterface = textOf(scene.flags, 'in-interface');
  const packet: TracePacket = {
    from: addresses.includes(given) ? 'host' : 'network',
    protocol: (textOf(scene.flags, 'protocol') || 'tcp').toLowerCase(),
    source: given,
    destination,
    destinationPort,
    ...(inInterface === '' ? {} : { inInterface }),
  };
  yield `from ${given}${packet.from === 'host' ? ' (the node)' : ''}, mode ${scene.config.mode}\n`;
  yield* explanationText(explainPacket(input, packet), scene.config.mode);
}

function* explanationText(explained: Explanation, mode: string): Generator<string> {
  for (const step of explained.steps) yield `${step}\n`;
  yield 'so the packet\n';
  for (const outcome of explained.outcomes) yield `  ${outcomeText(outcome)}\n`;
  yield `by the rules of mode ${mode} it\n`;
  for (const way of explained.rules) {
    yield `  ${outcomeText(way)}\n`;
    for (const rule of way.path) yield `    ${rule}\n`;
  }
}

function outcomeText({ verdict, to, masqueraded, probability }: TraceOutcome): string {
  const share = probability > 0.9999 ? '' : ` (${(probability * 100).toFixed(1)} %)`;
  if (verdict === 'dropped') return `is dropped without an answer${share}`;
  if (verdict === 'rejected') return `is refused${share}`;
  return `goes to ${to}${masqueraded ? ', which sees the node as its sender' : ''}${share}`;
}

function parseTarget(text: string): Readonly<{ destination: string; destinationPort: number }> {
  const [, ip6, ip4, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const destination = canonicalIp(ip6 ?? ip4 ?? '');
  const destinationPort = Number(port);
  if (destination === undefined || !(destinationPort > 0 && destinationPort < 65_536)) {
    const message = `"${text}" is not a target: name ADDRESS:PORT first, e.g. 10.96.0.10:80 or [fd00::10]:80`;
    throw new ProxyError('PROXY_EXPLAIN', message);
  }
  return { destination, destinationPort };
}

function inputOf(scene: Scene, family: IpFamily): ExplainInput {
  const { config, manifests } = scene;
  const node = nodeOf(scene, family);
  const topology = { nodeName: node.name, zone: node.zone };
  return { config, family, node, view: buildView(manifests, family, topology) };
}

/**
 * Returns the Node with the configured name, else the only one in the files, else one made from
 * flags.
 */
function nodeOf({ config, manifests, flags }: Scene, family: IpFamily): NodeSketch {
  const wanted = config.hostnameOverride.trim().toLowerCase();
  const { nodes } = manifests;
  const found =
    nodes.find(({ metadata }) => metadata?.name === wanted) ??
    (wanted === '' && nodes.length === 1 ? nodes[0] : undefined);
  const known = found === undefined ? undefined : projectNode(found);
  const given = listOf(flags, 'node-ip').map((text) => {
    const ip = canonicalIp(text);
    if (ip === undefined)
      throw new ProxyError('PROXY_EXPLAIN', `--node-ip: "${text}" is not an address`);
    return ip;
  });
  const ips = [...given, ...(known?.ips ?? [])];
  const own = (ips.length === 0 ? USUAL_NODE_IPS : ips).filter(
    (ip) => isIPv6(ip) === (family === 'IPv6'),
  );
  const zone = textOf(flags, 'zone');
  const podCidrs = listOf(flags, 'pod-cidr');
  return {
    name: found?.metadata?.name ?? (wanted === '' ? 'node' : wanted),
    zone: zone === '' ? known?.zone : zone,
    addresses: [...new Set([...own, LOOPBACK[family]])],
    podCidrs: podCidrs.length > 0 ? podCidrs : (known?.podCidrs ?? []),
  };
}

function textOf({ given }: ParsedFlags, name: string): string {
  return flagText(given.get(name));
}

function listOf({ given }: ParsedFlags, name: string): readonly string[] {
  const value = given.get(name);
  return Array.isArray(value) ? (value as readonly string[]) : [];
}
