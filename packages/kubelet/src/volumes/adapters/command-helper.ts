import { type ChildProcess, spawn } from 'node:child_process';

export interface CommandOutcome {
  readonly exitCode: number;
  /** Both streams together. */
  readonly output: string;
}

interface Waiting {
  readonly resolve: (outcome: CommandOutcome) => void;
  readonly reject: (error: Error) => void;
}

/** A helper that has had nothing to do for so long ends: most nodes mount in bursts. */
const IDLE_MS = 30_000;
const END = '\0';

/**
 * Runs small programs through one shell that stays for a while. To start a program, Node.js copies
 * the tables of its own large address space, during which nothing else happens: about 5 ms a
 * program. The shell is small; asking it costs a write to a pipe. It runs one command at a time, and
 * ends by itself when this process does.
 */
export class CommandHelper {
  #child: ChildProcess | undefined;
  #waiting: Waiting[] = [];
  #output = '';
  #idle: NodeJS.Timeout | undefined;

  /** @throws {Error} when the shell ended before the command did */
  run(command: readonly string[]): Promise<CommandOutcome> {
    return new Promise((resolve, reject) => {
      clearTimeout(this.#idle);
      this.#waiting.push({ resolve, reject });
      const child = (this.#child ??= this.#start());
      hold(child, true);
      const line = command.map(quoted).join(' ');
      child.stdin?.write(`${line} </dev/null 2>&1; printf '\\n%s\\0' $?\n`);
    });
  }

  #start(): ChildProcess {
    const child = spawn('/bin/sh', [], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, LC_ALL: 'C' },
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    const lost = (why: string) => {
      if (this.#child === child) this.#fail(new Error(`the shell that runs mount ${why}`));
    };
    child.on('error', ({ message }) => lost(`cannot be used: ${message}`));
    child.on('close', (code, signal) => lost(`ended with ${signal ?? code}`));
    // What it did not take is told by its end.
    child.stdin?.on('error', ({ message }) => lost(`takes no commands: ${message}`));
    return child;
  }

  #read(text: string): void {
    const answers = (this.#output + text).split(END);
    this.#output = answers.pop() ?? '';
    for (const answer of answers) {
      const at = answer.lastIndexOf('\n');
      const exitCode = Number(answer.slice(at + 1));
      this.#waiting.shift()?.resolve({ exitCode, output: answer.slice(0, at).trim() });
    }
    if (this.#waiting.length > 0) return;
    if (this.#child !== undefined) hold(this.#child, false);
    this.#idle = setTimeout(() => this.#rest(), IDLE_MS).unref();
  }

  #rest(): void {
    const child = this.#child;
    this.#child = undefined;
    child?.stdin?.end();
  }

  #fail(error: Error): void {
    this.#child = undefined;
    this.#output = '';
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(error);
  }
}

/** Whether this process stays for the helper's sake: only while it has something to do. */
function hold(child: ChildProcess, wanted: boolean): void {
  const ends = [child, child.stdin, child.stdout] as readonly (NodeJS.RefCounted | null)[];
  for (const end of ends) {
    if (wanted) end?.ref();
    else end?.unref();
  }
}

/** One word for the shell, whatever is in it. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
