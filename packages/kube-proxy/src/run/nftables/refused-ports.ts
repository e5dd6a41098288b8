import type { Clock } from '@nodeagent/base';

import type { IpFamily } from '../../model/address.js';
import type { NftMirror } from '../../plan/nftables/mirror.js';
import type { NodeView, PortView } from '../../plan/node-view.js';
import type { Problems } from '../../ports.js';
import { RefusedRetry } from '../refused-retry.js';

/** Ports that do not get what they ask for: the kernel refused it, or another Service has it. */
export class RefusedPorts {
  readonly #problems: Problems;
  readonly #family: IpFamily;
  /** Ports whose objects the kernel refused, until they change or are tried again. */
  readonly #refused = new Map<string, PortView>();
  readonly #retry: RefusedRetry;
  #isRetryDue = false;
  /** Ports of which it was reported that another Service has one of their addresses. */
  readonly #denied = new Set<string>();

  constructor(ports: Readonly<{ problems: Problems; clock: Clock }>, family: IpFamily) {
    this.#problems = ports.problems;
    this.#family = family;
    this.#retry = new RefusedRetry(ports.clock);
  }

  /** True when the kernel refused the port as it is now. */
  has(key: string, view: NodeView): boolean {
    const refused = this.#refused.get(key);
    return refused !== undefined && refused === view.ports.get(key);
  }

  add(key: string, port: PortView, error: Error): void {
    this.#refused.set(key, port);
    const rules = `the ${this.#family} rules of port ${key}`;
    this.#report(port, [`the kernel refuses ${rules}: ${error.message}`]);
  }

  /** The port has changed, or is gone. */
  forget(key: string): void {
    const port = this.#refused.get(key);
    if (port !== undefined) this.#report(port, []);
    this.#refused.delete(key);
  }

  /** Every port was tried. */
  tried(): void {
    this.#retry.tried(this.#refused.size > 0);
  }

  /** Tries the refused ports again when it is time to; those that are not refused again are well. */
  async retryIfDue(again: (keys: readonly string[]) => Promise<void>): Promise<void> {
    if (!this.#isRetryDue) return;
    this.#isRetryDue = false;
    const before = new Map(this.#refused);
    this.#refused.clear();
    if (before.size > 0) await again([...before.keys()]);
    for (const [key, port] of before) if (!this.#refused.has(key)) this.#report(port, []);
    this.tried();
  }

  /** Asks for a sync each time when refused ports are to be tried again, until the signal fires. */
  run(onDue: () => void, signal: AbortSignal): Promise<void> {
    const due = (): void => {
      this.#isRetryDue = true;
      onDue();
    };
    return this.#retry.run(due, signal);
  }

  /** One address and port can lead to one Service only: reports those of these ports that have lost. */
  reportDenied(mirror: NftMirror, view: NodeView, keys: Iterable<string>): void {
    for (const key of keys) {
      const port = view.ports.get(key);
      const denied = port === undefined ? [] : mirror.denied(key, port);
      if (denied.length === 0 && !this.#denied.has(key)) continue;
      if (denied.length === 0) this.#denied.delete(key);
      else this.#denied.add(key);
      const messages = denied.map(([text, owner]) => `${text.trim()} leads to ${owner} already`);
      if (port !== undefined) this.#report(port, messages);
    }
  }

  #report(
    { service: { service, portName, protocol } }: PortView,
    messages: readonly string[],
  ): void {
    const part = `nftables ${this.#family} ${portName} ${protocol}`;
    this.#problems.set({ kind: 'Service', name: service, part }, messages);
  }
}
