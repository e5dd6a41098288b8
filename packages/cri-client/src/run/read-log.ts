import { BlockMemory, newBlock } from '../codec/block-memory.js';
import { countLines, LineSkipper } from '../codec/line-splitter.js';
import { ByteCutter, EntryCutter, type LogCutter } from '../codec/log-cutter.js';
import { CriError } from '../model/errors.js';
import type { LogBytesOptions, LogEntry, LogOptions } from '../model/log.js';
import type { LogFile, LogFiles, LogWatch, RotatedLog } from '../ports.js';

const BLOCK_BYTES = 64 * 1024;
/** Block size for a long log: each read costs a trip through the thread pool, whatever its size. */
const MOST_BLOCK_BYTES = 512 * 1024;
const NEWLINE = 0x0a;

/** A log file with the options of its reader. */
export interface LogRequest {
  /** The path of the file that the runtime writes to. */
  readonly path: string;
  readonly options: LogOptions;
}

/**
 * Reads a container's log up to the end that the file had when it was opened. With `follow` it
 * continues with later output and switches to the new file when the log is rotated. Lines in
 * another format than the first are dropped: a runtime writes them only when it is killed within a
 * line.
 *
 * @throws {CriError} `CRI_LOG_IO` when the file does not exist or cannot be read;
 *   `CRI_LOG_FORMAT` when its first line has no known format
 */
export function readLogFrom(
  files: LogFiles,
  request: LogRequest,
  signal: AbortSignal,
): AsyncGenerator<LogEntry, void> {
  const cutter = new EntryCutter(request.path, request.options);
  return readThrough(files, { ...request, cutter }, signal);
}

/** Reads the same as bytes, many lines at a time, each piece as soon as it is available. */
export function readLogBytesFrom(
  files: LogFiles,
  request: LogRequest & { readonly options: LogBytesOptions },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const { path, options } = request;
  const cutter = new ByteCutter(path, options);
  return readThrough(files, { ...request, cutter, lent: options.lent === true }, signal);
}

interface Reading<T> extends LogRequest {
  readonly cutter: LogCutter<T>;
  /** Reuses the memory of a block once its output has been consumed. */
  readonly lent?: boolean;
}

async function* readThrough<T>(
  files: LogFiles,
  { path, options, cutter, lent = false }: Reading<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void> {
  signal.throwIfAborted();
  const file = await files.open(path);
  if (file === undefined) throw failed('CRI_LOG_IO', path, 'no such file');
  const reader = new LogReader({ path, options, cutter, lent }, file);
  let watch: LogWatch | undefined;
  try {
    watch = options.follow === true ? files.watch(path) : undefined;
    const missing = await reader.seekTail(options.tailRecords, signal);
    if (options.rotated === true) {
      yield* readRotated(files, { path, options, cutter, currentId: file.id, missing }, signal);
    }
    yield* reader.read(watch === undefined ? await file.sizeBytes() : Infinity, signal);
    let ending = watch === undefined;
    // output proves that the container runs, so `isRunning` is called only while nothing is written
    let quiet = true;
    while (watch !== undefined && !reader.full && !ending) {
      const next = await reader.successor(files);
      ending = quiet && next === undefined && !(await (options.isRunning?.(signal) ?? true));
      yield* reader.read(Infinity, signal);
      if (next !== undefined) yield* reader.moveTo(next);
      else if (!ending && reader.atEnd) quiet = (await watch.changed(signal)) === 'quiet';
    }
    yield* reader.finish();
  } finally {
    watch?.close();
    await reader.close();
  }
}

interface RotatedRequest<T> extends LogRequest {
  readonly cutter: LogCutter<T>;
  /** The id of the open file, which may have been rotated since. */
  readonly currentId: string;
  /** The number of records that the tail still lacks; undefined for all records. */
  readonly missing: number | undefined;
}

/**
 * Yields from the files before the present one, oldest first, as far as they hold selected records.
 */
async function* readRotated<T>(
  files: LogFiles,
  { path, options, cutter, currentId, missing }: RotatedRequest<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void> {
  if (missing === 0) return;
  const { sinceMs = -Infinity } = options;
  const found = (await files.rotated(path)).filter(
    (one) => one.id !== currentId && one.modifiedMs >= sinceMs,
  );
  const { chosen, skip } = await chooseRotated(files, { found, missing }, signal);
  const skipper = new LineSkipper(skip);
  const isFull = (): boolean => cutter.full;
  for (const { path: old } of chosen) {
    if (isFull()) return;
    for await (const block of files.blocks(old)) {
      signal.throwIfAborted();
      yield* cutter.take(skipper.take(block));
      if (isFull()) return;
    }
    yield* cutter.finish();
  }
}

/**
 * Finds the file, and the number of lines to skip in it, where the last `missing` records begin.
 */
async function chooseRotated(
  files: LogFiles,
  {
    found,
    missing,
  }: { readonly found: readonly RotatedLog[]; readonly missing: number | undefined },
  signal: AbortSignal,
): Promise<{ readonly chosen: readonly RotatedLog[]; readonly skip: number }> {
  if (missing === undefined) return { chosen: found, skip: 0 };
  let left = missing;
  for (let i = found.length - 1; i >= 0; i -= 1) {
    let lines = 0;
    for await (const block of files.blocks(found[i]?.path ?? '')) {
      signal.throwIfAborted();
      lines += countLines(block);
    }
    if (lines >= left) return { chosen: found.slice(i), skip: lines - left };
    left -= lines;
  }
  return { chosen: found, skip: 0 };
}

class LogReader<T> {
  readonly #path: string;
  readonly #cutter: LogCutter<T>;
  readonly #memory: BlockMemory;
  #file: LogFile;
  /** The successor that is open and not read yet. */
  #next: LogFile | undefined;
  #position = 0;
  /** True when the last read found nothing new. */
  atEnd = false;

  constructor({ path, cutter, lent = false }: Reading<T>, file: LogFile) {
    this.#path = path;
    this.#file = file;
    this.#cutter = cutter;
    this.#memory = new BlockMemory(lent);
  }

  get full(): boolean {
    return this.#cutter.full;
  }

  /** @returns the number of tail records that the file lacks; undefined without a tail */
  async seekTail(records: number | undefined, signal: AbortSignal): Promise<number | undefined> {
    if (records === undefined) return undefined;
    this.#cutter.detect(await readBlock(this.#file, 0, newBlock(BLOCK_BYTES)));
    const { position, missing } = await findTail(this.#file, records, signal);
    this.#position = position;
    return missing;
  }

  /** Reads up to this position, or up to the present end. */
  async *read(untilBytes: number, signal: AbortSignal): AsyncGenerator<T, void> {
    const startedAt = this.#position;
    let size = BLOCK_BYTES;
    let ahead: Promise<Buffer> | undefined;
    try {
      while (this.#position < untilBytes && !this.full) {
        signal.throwIfAborted();
        const wanted = Math.min(size, untilBytes - this.#position);
        const block = await (ahead ?? this.#read(this.#position, wanted));
        ahead = undefined;
        if (block.length === 0) break;
        this.#position += block.length;
        // a reader that came back for more gets the next block read ahead while this one is cut and
        // sent
        if (size > BLOCK_BYTES && block.length === wanted && this.#position < untilBytes) {
          const next = Math.min(size * 2, MOST_BLOCK_BYTES);
          ahead = this.#read(this.#position, Math.min(next, untilBytes - this.#position));
          ahead.catch(() => undefined); // awaited in the next round
        }
        size = Math.min(size * 2, MOST_BLOCK_BYTES);
        yield* this.#cutter.take(block, BlockMemory.ROOM_BYTES);
      }
    } finally {
      await ahead?.catch(() => undefined); // the file is closed next
    }
    this.atEnd = this.#position === startedAt;
  }

  #read(position: number, bytes: number): Promise<Buffer> {
    return readBlock(this.#file, position, this.#memory.take(bytes));
  }

  /** Opens the file that has taken this one's name; a file truncated in place starts again here. */
  async successor(files: LogFiles): Promise<LogFile | undefined> {
    const id = await files.idOf(this.#path);
    if (id === undefined) return undefined;
    if (id !== this.#file.id) {
      this.#next = await files.open(this.#path);
      return this.#next;
    }
    if ((await this.#file.sizeBytes()) < this.#position) {
      this.#cutter.forget();
      this.#position = 0;
    }
    return undefined;
  }

  async *moveTo(next: LogFile): AsyncGenerator<T, void> {
    yield* this.finish();
    const previous = this.#file;
    this.#file = next;
    this.#next = undefined;
    this.#position = 0;
    await previous.close();
  }

  /** Handles a last line without newline. */
  finish(): Iterable<T> {
    return this.#cutter.finish();
  }

  async close(): Promise<void> {
    await Promise.all([this.#file.close(), this.#next?.close()]);
  }
}

async function readBlock(file: LogFile, position: number, target: Buffer): Promise<Buffer> {
  return target.subarray(0, await file.read(position, target));
}

interface Tail {
  readonly position: number;
  /** The number of lines that the file lacks. */
  readonly missing: number;
}

/** Finds the start of the last lines; reads backwards and no more than it must. */
async function findTail(file: LogFile, lines: number, signal: AbortSignal): Promise<Tail> {
  const size = await file.sizeBytes();
  if (lines <= 0) return { position: size, missing: 0 };
  let left = lines;
  const memory = newBlock(Math.min(size, BLOCK_BYTES));
  for (let end = size; end > 0;) {
    signal.throwIfAborted();
    const start = Math.max(0, end - BLOCK_BYTES);
    const block = await readBlock(file, start, memory.subarray(0, end - start));
    // a newline as the file's very last byte ends a line and does not separate two
    let from = end === size ? block.length - 2 : block.length - 1;
    for (;;) {
      const at = from < 0 ? -1 : block.lastIndexOf(NEWLINE, from);
      if (at === -1) break;
      left -= 1;
      if (left === 0) return { position: start + at + 1, missing: 0 };
      from = at - 1;
    }
    end = start;
  }
  return { position: 0, missing: size === 0 ? left : left - 1 };
}

function failed(code: 'CRI_LOG_IO' | 'CRI_LOG_FORMAT', path: string, detail: string): CriError {
  return new CriError(code, detail, { method: `readLog ${path}` });
}
