import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { type CommandResult, runCommand } from '../command.ts';
import { TestbedError } from '../errors.ts';
import type { NodeSpace } from '../node-space.ts';
import type { TestProcess } from '../processes.ts';
import { waitFor } from '../wait.ts';
import { type BaseImage, buildBaseImage } from './base-image.ts';
import { readConsole } from './console.ts';
import { counterRate } from './counter-rate.ts';
import { type ExecOptions, type GuestAgent, openGuestAgent } from './guest-agent.ts';
import type { LanMember } from './lan.ts';
import { type MachineDisk, type MachinePlan, qemuCommand } from './qemu.ts';
import { holdTrueClock } from './true-clock.ts';

export interface MachineOptions {
  /** The host name, at most 12 bytes of letters, digits and dashes. */
  readonly name: string;
  /** 2 when absent. */
  readonly cpus?: number;
  /** 2048 when absent. */
  readonly memoryMiB?: number;
  /** Disks after the root disk: vdb, vdc … */
  readonly disks?: readonly ExtraDisk[];
  /** From power-on until its services have started; 400 s when absent. */
  readonly bootMs?: number;
}

/**
 * `sizeMiB`: an empty disk that keeps its content while the power is off. `folder`: a read-only
 * file system with a copy of it; a machine mounts the one with the label `nodeagent` at
 * /opt/nodeagent.
 */
export type ExtraDisk = Readonly<{ sizeMiB: number }> | Readonly<{ folder: string; label: string }>;

/** A Debian with systemd on a kernel of its own. */
export interface Machine {
  readonly name: string;
  /** Reachable from the host and from the machines of the same space. */
  readonly address: string;
  /** The range for its pods; the host and the other machines have a route to it. */
  readonly podCidr: string;
  /**
   * Runs shell commands as root; returns their standard output.
   *
   * @throws {TestbedError} `TESTBED_COMMAND_FAILED` when they fail, with both outputs
   */
  sh(script: string, options?: ExecOptions): Promise<string>;
  /** Runs shell commands too, but any exit code is a result. */
  try(script: string, options?: ExecOptions): Promise<CommandResult>;
  /** Writes a file, with the folders above it. */
  write(path: string, content: string, mode?: number): Promise<void>;
  /** Ends the services in order and starts the system again; resolves when it is up. */
  reboot(): Promise<void>;
  /** Ends the services in order and switches off. */
  powerOff(): Promise<void>;
  /** Takes the power away: all that was not yet written to a disk is lost. */
  cutPower(): Promise<void>;
  /** Switches on after `powerOff` or `cutPower`; resolves when it is up. */
  start(): Promise<void>;
  /** The last lines of its console. */
  console(lines?: number): Promise<string>;
}

/** An idle host needs 20 s; all times are for one that runs other tests, too. */
const BOOT_MS = 400_000;
const POWER_OFF_MS = 240_000;
const DISK_SLOW_MS = 300_000;

export interface MachineParts {
  readonly space: NodeSpace;
  readonly member: LanMember;
  readonly gateway: string;
}

/** Boots a machine in a space whose bridge is up. */
export async function bootMachine(parts: MachineParts, options: MachineOptions): Promise<Machine> {
  const plan = await prepare(parts, options, await buildBaseImage());
  const machine = new VirtualMachine(parts, plan, options.bootMs ?? BOOT_MS);
  await machine.start();
  await machine.write('/etc/cni/net.d/10-lan.conflist', cniConfig(parts.member.podCidr));
  return machine;
}

async function prepare(
  { space, member, gateway }: MachineParts,
  { name, cpus = 2, memoryMiB = 2048, disks = [] }: MachineOptions,
  base: BaseImage,
): Promise<MachinePlan> {
  const dir = join(space.dir, 'machines', name);
  await mkdir(dir, { recursive: true });
  const root = join(dir, 'root.qcow2');
  await runCommand(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', base.disk, '-F', 'raw', root]);
  const tap = `tap-${name}`.slice(0, 15);
  await space.run(['ip', 'tuntap', 'add', 'dev', tap, 'mode', 'tap']);
  await space.run(['ip', 'link', 'set', tap, 'master', 'lan', 'up']);
  return {
    ...{ name, cpus, memoryMiB, gateway, tap },
    ...{ kernel: base.kernel, initrd: base.initrd, counterKhz: await counterRate(dir) },
    address: `${member.address}/24`,
    mac: member.mac,
    disks: [
      { file: root, format: 'qcow2' },
      ...(await Promise.all(disks.map((disk, i) => makeDisk(join(dir, `disk-${i}`), disk)))),
    ],
    agentSocket: join(space.runDir, `${name}-agent.sock`),
    controlSocket: join(space.runDir, `${name}-qmp.sock`),
    consoleFile: join(dir, 'console.log'),
  };
}

async function makeDisk(file: string, disk: ExtraDisk): Promise<MachineDisk> {
  if ('sizeMiB' in disk) {
    await runCommand(['truncate', '-s', `${disk.sizeMiB}M`, file]);
    return { file, format: 'raw' };
  }
  const used = Number((await runCommand(['du', '-sm', disk.folder])).split('\t')[0]);
  const size = `${Math.ceil(used * 1.2) + 32}M`;
  const make = ['mke2fs', '-q', '-t', 'ext4', '-O', '^has_journal', '-L', disk.label];
  await runCommand([...make, '-d', disk.folder, file, size], { timeoutMs: DISK_SLOW_MS });
  return { file, format: 'raw', readOnly: true };
}

function cniConfig(podCidr: string): string {
  const ipam = {
    type: 'host-local',
    ranges: [[{ subnet: podCidr }]],
    routes: [{ dst: '0.0.0.0/0' }],
  };
  const bridge = {
    type: 'bridge',
    bridge: 'cni0',
    isGateway: true,
    hairpinMode: true,
    ipMasq: false,
    ipam,
  };
  const portmap = { type: 'portmap', capabilities: { portMappings: true } };
  return JSON.stringify({ cniVersion: '1.0.0', name: 'lan', plugins: [bridge, portmap] });
}

class VirtualMachine implements Machine {
  readonly name: string;
  readonly address: string;
  readonly podCidr: string;
  readonly #space: NodeSpace;
  readonly #plan: MachinePlan;
  readonly #bootMs: number;
  readonly #agent: GuestAgent;
  #process: TestProcess | undefined;

  constructor({ space, member }: MachineParts, plan: MachinePlan, bootMs: number) {
    this.name = plan.name;
    this.address = member.address;
    this.podCidr = member.podCidr;
    this.#space = space;
    this.#plan = plan;
    this.#bootMs = bootMs;
    this.#agent = openGuestAgent(plan.agentSocket);
  }

  async start(): Promise<void> {
    // behind the programs of other tests, which have less patience than those that boot machines
    const command = ['nice', '-n', '5', ...qemuCommand(this.#plan)];
    this.#process = await this.#space.start(`machine-${this.name}`, command);
    await this.#untilUp(() => true);
  }

  async sh(script: string, options?: ExecOptions): Promise<string> {
    const { exitCode, stdout, stderr } = await this.try(script, options);
    if (exitCode === 0) return stdout;
    const output = [stdout, stderr]
      .map((text) => text.trim())
      .filter(Boolean)
      .join('\n');
    const text = `\`${script}\` ended with ${exitCode} on machine ${this.name}: ${output}`;
    throw new TestbedError('TESTBED_COMMAND_FAILED', text);
  }

  try(script: string, options?: ExecOptions): Promise<CommandResult> {
    return this.#agent.exec(['/bin/sh', '-c', script], options);
  }

  async write(path: string, content: string, mode = 0o644): Promise<void> {
    const quoted = `'${path}'`;
    const script = `mkdir -p '${dirname(path)}' && cat > ${quoted} && chmod ${mode.toString(8)} ${quoted}`;
    await this.sh(script, { input: content });
  }

  async reboot(): Promise<void> {
    const before = await this.#bootId();
    await this.#agent.start(['systemctl', '--no-block', 'reboot']);
    await this.#untilUp((bootId) => bootId !== before);
  }

  async powerOff(): Promise<void> {
    await this.#agent.start(['systemctl', '--no-block', 'poweroff']);
    const what = `machine ${this.name} to be off`;
    await waitFor(() => this.#process?.isRunning() === false, { what, timeoutMs: POWER_OFF_MS });
    this.#agent.close();
  }

  async cutPower(): Promise<void> {
    await this.#process?.kill9();
    this.#agent.close();
  }

  console(lines?: number): Promise<string> {
    return readConsole(this.#plan.consoleFile, lines);
  }

  async #bootId(): Promise<string> {
    return (await this.sh('cat /proc/sys/kernel/random/boot_id')).trim();
  }

  /** Waits for the guest agent, then for systemd to have nothing left to start. */
  async #untilUp(isThis: (bootId: string) => boolean): Promise<void> {
    const { signal } = this.#space;
    const look = async (): Promise<boolean> => {
      this.#process?.assertRunning();
      await this.#agent.ping(2_000);
      if (!isThis(await this.#bootId())) return false;
      const { stdout } = await this.try('systemctl is-system-running');
      return ['running', 'degraded'].includes(stdout.trim());
    };
    try {
      await waitFor(look, { what: 'it to be up', timeoutMs: this.#bootMs, everyMs: 250, signal });
    } catch (cause) {
      const text = `machine ${this.name} did not start; its console ended with:\n${await this.console()}`;
      throw new TestbedError('TESTBED_TIMED_OUT', text, { cause });
    }
    await holdTrueClock(this);
  }
}
