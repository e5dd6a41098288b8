import { contains, formatIp, type IpRange, parseIp } from '../plan/ip-range.js';

/**
 * Hands out addresses of one range in order, starting over at the end; never hands out the
 * network's own.
 */
export class IpAllocator {
  readonly range: IpRange;
  readonly #used = new Set<bigint>();
  #next: bigint;

  constructor(range: IpRange) {
    this.range = range;
    // As upstream, the low addresses are left for users who choose theirs.
    this.#next = range.size > 512n ? 256n : 1n;
  }

  /** @returns undefined when no address is left */
  take(): string | undefined {
    const { first, size, family } = this.range;
    const usable = size > 2n ? size - 1n : size;
    for (let tries = 0n; tries < usable; tries += 1n) {
      const offset = this.#next >= usable ? 1n : this.#next;
      this.#next = offset + 1n;
      if (!this.#used.has(first + offset)) {
        this.#used.add(first + offset);
        return formatIp(first + offset, family);
      }
    }
    return undefined;
  }

  /** Reserves a chosen address. */
  claim(ip: string): 'ok' | 'in-use' | 'outside' {
    const value = parseIp(ip);
    if (value === undefined || !contains(this.range, value)) return 'outside';
    if (this.#used.has(value)) return 'in-use';
    this.#used.add(value);
    return 'ok';
  }

  release(ip: string): void {
    const value = parseIp(ip);
    if (value !== undefined) this.#used.delete(value);
  }
}

/** Node ports, reserved per port number for all protocols together. */
export class PortAllocator {
  readonly #first: number;
  readonly #last: number;
  readonly #used = new Set<number>();
  #next: number;

  constructor(first: number, last: number) {
    this.#first = first;
    this.#last = last;
    this.#next = first;
  }

  get text(): string {
    return `${this.#first}-${this.#last}`;
  }

  take(): number | undefined {
    for (let tries = this.#first; tries <= this.#last; tries += 1) {
      const port = this.#next;
      this.#next = port === this.#last ? this.#first : port + 1;
      if (this.#used.has(port)) continue;
      this.#used.add(port);
      return port;
    }
    return undefined;
  }

  claim(port: number): 'ok' | 'in-use' | 'outside' {
    if (port < this.#first || port > this.#last) return 'outside';
    if (this.#used.has(port)) return 'in-use';
    this.#used.add(port);
    return 'ok';
  }

  release(port: number): void {
    this.#used.delete(port);
  }
}
