/** One virtual machine, as plain data. */
export interface MachinePlan {
  /** The host name, and the name of its network device on the host: at most 12 bytes. */
  readonly name: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  /** Ticks of the host's processor counter, in thousands per second. */
  readonly counterKhz: number;
  readonly kernel: string;
  readonly initrd: string;
  /** The root disk comes first; a machine sees them as vda, vdb … */
  readonly disks: readonly MachineDisk[];
  /** `10.216.0.11/24`. */
  readonly address: string;
  readonly gateway: string;
  readonly mac: string;
  readonly tap: string;
  readonly agentSocket: string;
  readonly controlSocket: string;
  readonly consoleFile: string;
}

export interface MachineDisk {
  readonly file: string;
  readonly format: 'raw' | 'qcow2';
  readonly readOnly?: boolean;
}

/** Words after which the kernel starts faster on an emulated processor. */
const FASTER = [
  ...['mitigations=off', 'nokaslr', 'random.trust_cpu=on', 'quiet', 'loglevel=4'],
  // emulated processors share one counter; else each look at the clock is a system call to the HPET
  ...['tsc=reliable', 'clocksource=tsc'],
];

/**
 * Returns the command of a machine on an emulated processor (TCG): it needs no KVM. The processors
 * are two NUMA nodes when there are two or more.
 *
 * @see QEMU docs/system/invocation
 */
export function qemuCommand(plan: MachinePlan): readonly string[] {
  const command = [
    ...['console=ttyS0', 'root=/dev/vda', 'rw', 'psi=1', ...FASTER],
    `tsc_early_khz=${plan.counterKhz}`,
    `systemd.hostname=${plan.name}`,
    `nodeagent.address=${plan.address}`,
    `nodeagent.gateway=${plan.gateway}`,
  ];
  return [
    'qemu-system-x86_64',
    ...['-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-machine', 'pc', '-accel', 'tcg,thread=multi,tb-size=512', '-cpu', 'max'],
    ...['-smp', String(plan.cpus), '-m', String(plan.memoryMiB), ...numaNodes(plan)],
    ...['-kernel', plan.kernel, '-initrd', plan.initrd, '-append', command.join(' ')],
    ...plan.disks.flatMap(drive),
    ...['-netdev', `tap,id=lan,ifname=${plan.tap},script=no,downscript=no`],
    ...['-device', `virtio-net-pci,netdev=lan,mac=${plan.mac},romfile=`],
    ...['-chardev', `socket,id=agent,path=${plan.agentSocket},server=on,wait=off`],
    ...['-device', 'virtio-serial-pci'],
    ...['-device', 'virtserialport,chardev=agent,name=org.qemu.guest_agent.0'],
    ...['-device', 'virtio-rng-pci'],
    ...['-serial', `file:${plan.consoleFile}`],
    ...['-qmp', `unix:${plan.controlSocket},server=on,wait=off`],
  ];
}

function numaNodes({ cpus, memoryMiB }: MachinePlan): readonly string[] {
  if (cpus < 2) return [];
  const half = Math.floor(cpus / 2);
  const ranges = [`0-${half - 1}`, `${half}-${cpus - 1}`];
  return ranges.flatMap((range, i) => [
    ...['-object', `memory-backend-ram,id=ram${i},size=${memoryMiB / 2}M`],
    ...['-numa', `node,nodeid=${i},memdev=ram${i},cpus=${range}`],
  ]);
}

function drive({ file, format, readOnly = false }: MachineDisk): readonly string[] {
  const options = ['if=virtio', `format=${format}`, `file=${file}`, `readonly=${onOff(readOnly)}`];
  return ['-drive', options.join(',')];
}

function onOff(value: boolean): string {
  return value ? 'on' : 'off';
}
