import { parseConntrackList } from '../codec/conntrack-list.js';
import { type Flow, matchesFlow } from '../model/conntrack.js';
import { errorFromExit } from '../model/errors.js';
import type { IpFamily } from '../model/iptables.js';
import type { CommandRunner, Conntrack } from '../ports.js';

/**
 * The connection tracking table through the `conntrack` program: one process per list, and one per
 * deleted flow. For machines without netlink.
 */
export function createConntrack(runner: CommandRunner, family: IpFamily): Conntrack {
  const familyName = family === 'IPv4' ? 'ipv4' : 'ipv6';
  return {
    list: async (query, signal) => {
      const argv = ['conntrack', '-L', '-f', familyName, '-p', query.protocol] as const;
      const { exitCode, stdout, stderr } = await runner.run({ argv }, signal);
      if (exitCode !== 0) throw errorFromExit(argv.join(' '), exitCode, stderr);
      return parseConntrackList(stdout).filter((flow) => matchesFlow(flow, query));
    },
    delete: async (flows, signal) => {
      let deleted = 0;
      for (const flow of flows) {
        const argv = ['conntrack', '-D', '-f', familyName, ...flowArguments(flow)] as const;
        const result = await runner.run({ argv }, signal);
        const count = /\b(\d+) flow entries have been deleted/.exec(result.stderr)?.[1];
        // the program also exits with 1 when there is nothing to delete
        if (count === undefined) {
          throw errorFromExit(argv.join(' '), result.exitCode, result.stderr);
        }
        deleted += Number(count);
      }
      return deleted;
    },
    close: () => undefined,
  };
}

/** The program does not know identities: both directions identify the flow. */
function flowArguments({ protocol, original, reply, zone }: Flow): string[] {
  const forth = ['--orig-src', original.source, '--orig-dst', original.destination];
  const forthPorts = [
    ...['--orig-port-src', String(original.sourcePort)],
    ...['--orig-port-dst', String(original.destinationPort)],
  ];
  const back = ['--reply-src', reply.source, '--reply-dst', reply.destination];
  const backPorts = [
    ...['--reply-port-src', String(reply.sourcePort)],
    ...['--reply-port-dst', String(reply.destinationPort)],
  ];
  const zoned = zone === 0 ? [] : ['--orig-zone', String(zone)];
  return ['-p', protocol, ...forth, ...forthPorts, ...back, ...backPorts, ...zoned];
}
