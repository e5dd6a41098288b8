import { closeSync, openSync } from 'node:fs';

/** Reports whether an error means that the process, or the machine, has no free file descriptor. */
export function isWithoutDescriptor(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EMFILE' || code === 'ENFILE';
}

/** Looks at what caused the error, too. A failed look-up of a name does not tell its reason. */
function comesFromLack(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { syscall } = error as NodeJS.ErrnoException;
  if (isWithoutDescriptor(error)) return true;
  return syscall === 'getaddrinfo' ? !hasFreeDescriptor() : comesFromLack(error.cause);
}

/** Tries to get a file descriptor, and gives it back. */
export function hasFreeDescriptor(): boolean {
  const fd = take();
  if (fd === undefined) return false;
  closeSync(fd);
  return true;
}

/** Has a file descriptor, and tells when it is closed. */
interface Closing {
  once(event: 'close', listener: () => void): unknown;
}

/**
 * One file descriptor that is held back, so that important small files can be read, or an important
 * connection opened, when no other is free.
 */
export class SpareDescriptor {
  #fd = take();
  #isReleased = false;

  /**
   * Calls the function; when it fails for want of a descriptor, calls it again with the spare one
   * released. Nothing else of this thread can take that one meanwhile.
   *
   * @param act opens one file at a time, and closes it before it returns
   */
  use<T>(act: () => T): T {
    this.#fd ??= take();
    try {
      return act();
    } catch (error) {
      if (this.#fd === undefined || !isWithoutDescriptor(error)) throw error;
    }
    closeSync(this.#fd);
    this.#fd = undefined;
    try {
      return act();
    } finally {
      this.#fd = take();
    }
  }

  /**
   * Opens what stays open. When that fails for want of a descriptor, opens it again with the spare one
   * released, which is held back again as soon as the other is closed. It is lent once at a time.
   */
  async lend<T extends Closing>(open: () => Promise<T>): Promise<T> {
    this.#takeBack();
    try {
      return await open();
    } catch (error) {
      if (this.#fd === undefined || !comesFromLack(error)) throw error;
    }
    closeSync(this.#fd);
    this.#fd = undefined;
    try {
      const opened = await open();
      opened.once('close', () => this.#takeBack());
      return opened;
    } catch (error) {
      this.#takeBack();
      throw error;
    }
  }

  /** Gives the descriptor back to the process for good. */
  release(): void {
    this.#isReleased = true;
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #takeBack(): void {
    if (!this.#isReleased) this.#fd ??= take();
  }
}

function take(): number | undefined {
  try {
    return openSync('/dev/null', 'r');
  } catch (error) {
    if (isWithoutDescriptor(error)) return undefined;
    throw error;
  }
}
