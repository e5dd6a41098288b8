import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { controlFile, postinst, postrm, prerm } from '../../../package/debian.ts';
import { manPage, parseHelp } from '../../../package/man-page.ts';
import { PROGRAMS } from '../../../package/programs.ts';
import { defaults, packagedUnit } from '../../../package/units.ts';

const ROOT = join(import.meta.dirname, '../../../..');
const [kubelet, proxy] = PROGRAMS as [(typeof PROGRAMS)[0], (typeof PROGRAMS)[0]];

describe(packagedUnit, () => {
  it.each(PROGRAMS)('runs the installed $name with the operator’s flags', async (program) => {
    const unit = await readFile(join(ROOT, `deploy/systemd/${program.name}.service`), 'utf8');
    const packaged = packagedUnit(unit, program);
    const variable = defaults(program.name).split('\n')[1]?.replace('=', '');
    expect(packaged).toMatch(
      new RegExp(String.raw`^ExecStart=/usr/bin/${program.name} --config=.* \$${variable}$`, 'm'),
    );
    expect(packaged).not.toContain('/opt/');
    expect(packaged).toContain(`EnvironmentFile=-/etc/default/${program.name}`);
    expect(packaged).toContain(`Documentation=man:${program.name}(8)`);
    expect(packaged.match(/^ExecStart=/gm)).toHaveLength(1);
  });

  it('refuses a unit without a command', () => {
    expect(() => packagedUnit('[Service]\n', kubelet)).toThrow(/no ExecStart=/);
  });
});

describe('maintainer scripts', () => {
  it.each([postinst(), prerm(kubelet), postrm(kubelet)])('start nothing', (script) => {
    expect(script).not.toMatch(/\b(start|enable --now|restart)\b/);
  });

  it('remove the rules with the proxy, but not when it is upgraded', () => {
    expect(prerm(proxy)).toMatch(/if \[ "\$1" = remove \]; then[^]*kube-proxy --cleanup/);
    expect(prerm(kubelet)).not.toContain('--cleanup');
  });

  it('leave a directory in which something else is mounted', () => {
    expect(postrm(kubelet)).toMatch(/--one-file-system \/var\/lib\/kubelet/);
  });
});

describe(controlFile, () => {
  it('has one line for each field', () => {
    const options = { version: '1.2.3', architecture: 'arm64', installedKib: 7 } as const;
    const text = controlFile(kubelet, options);
    expect(text).toContain('Package: nodeagent-kubelet\nVersion: 1.2.3\nArchitecture: arm64\n');
    expect(text).toMatch(/^Installed-Size: 7$/m);
    expect(text.split('\n').filter((line) => !/^(\S+: \S| \S|$)/.test(line))).toEqual([]);
  });
});

describe(manPage, () => {
  const HELP = `Does it.

Usage: demo [flags]

Flags:
      --config string    configuration file
  -v, --v integer        verbosity: 2 has 'details'
`;
  const options = { name: 'demo', summary: 'a demo', version: '1', date: '2026-01-01', files: [] };

  it('has every flag, with nothing that troff would take for a command', () => {
    const page = manPage(parseHelp(HELP), options);
    expect(page).toContain(String.raw`.B \-\-config string` + '\nconfiguration file');
    expect(page).toContain(String.raw`.B \-v, \-\-v integer` + "\nverbosity: 2 has 'details'");
    expect(page).toContain('.SH SYNOPSIS\ndemo [flags]');
    const quoted = { about: '.so /etc/passwd', usage: 'x', flags: [{ flag: '-a', text: "'b" }] };
    expect(manPage(quoted, options)).not.toMatch(/^(\.so|')/m);
  });

  it('is made of help texts only', () => {
    expect(() => parseHelp('Segmentation fault')).toThrow('no help text');
  });
});
