import { parseConntrackList } from '../codec/conntrack-list.js';
import { errorFromExit } from '../model/errors.js';
import type { IpFamily } from '../model/iptables.js';
import type { CommandRunner, Conntrack } from '../ports.js';

/** The connection tracking table through the `conntrack` program. */
export function createConntrack(runner: CommandRunner, family: IpFamily): Conntrack {
  const familyName = family === 'IPv4' ? 'ipv4' : 'ipv6';
  return {
    list: async (protocol, signal) => {
      const argv = ['conntrack', '-L', '-f', familyName, '-p', protocol] as const;
      const { exitCode, stdout, stderr } = await runner.run({ argv }, signal);
      if (exitCode !== 0) throw errorFromExit(argv.join(' '), exitCode, stderr);
      return parseConntrackList(stdout);
    },
    delete: async (filter, signal) => {
      const { protocol, destination, destinationPort, replySource, replySourcePort } = filter;
      const original = ['--orig-dst', destination, '--orig-port-dst', String(destinationPort)];
      const reply = ['--reply-src', replySource, '--reply-port-src', String(replySourcePort)];
      const argv = ['conntrack', '-D', '-f', familyName, '-p', protocol] as const;
      const result = await runner.run({ argv: [...argv, ...original, ...reply] }, signal);
      const count = /(\d+) flow entries have been deleted/.exec(result.stderr)?.[1];
      // nothing to delete also exits with 1
      if (count !== undefined) return Number(count);
      throw errorFromExit(argv.join(' '), result.exitCode, result.stderr);
    },
  };
}
