import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';

import { lackOfPipes } from '@nodeagent/base/system';

type Shell = ChildProcessByStdio<Writable, Readable, null>;

export interface CommandOutcome {
  readonly exitCode: number;
  /** Output of both streams together. */
  readonly output: string;
}

interface Waiting {
  readonly resolve: (outcome: CommandOutcome) => void;
  readonly reject: (error: Error) => void;
}

/** An idle helper ends after this time: most nodes mount in bursts. */
const IDLE_MS = 30_000;
const END = '\0';
const SHELL = 'the shell that runs mount';

/**
 * Runs small programs through one shell that stays for a while. To start a program, Node.js copies
 * the page tables of its large address space, and is blocked for about 5 ms meanwhile. The shell is
 * small, and a command to it costs one write to a pipe. It runs one command at a time, and ends
 * when this process does.
 */
export class CommandHelper {
  #child: Shell | undefined;
  #waiting: Waiting[] = [];
  #output = '';
  #idle: NodeJS.Timeout | undefined;

  /** @throws {Error} if the shell ended before the command did */
  run(command: readonly string[]): Promise<CommandOutcome> {
    return new Promise((resolve, reject) => {
      clearTimeout(this.#idle);
      this.#waiting.push({ resolve, reject });
      const child = (this.#child ??= this.#start());
      if (child === undefined) return; // rejected in a moment
      hold(child, true);
      const line = command.map(quoted).join(' ');
      child.stdin.write(`${line} </dev/null 2>&1; printf '\\n%s\\0' $?\n`);
    });
  }

  #start(): Shell | undefined {
    const child = spawn('/bin/sh', [], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, LC_ALL: 'C' },
    });
    const lack = lackOfPipes(child);
    if (lack !== undefined) {
      void lack.then(({ message }) => this.#fail(new Error(`${SHELL} did not start: ${message}`)));
      return undefined;
    }
    child.stdout.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    const lost = (why: string) => {
      if (this.#child === child) this.#fail(new Error(`${SHELL} ${why}`));
    };
    child.on('error', ({ message }) => lost(`did not start: ${message}`));
    child.on('close', (code, signal) => lost(`ended with ${signal ?? code}`));
    // The shell's end reports which commands it did not run.
    child.stdin.on('error', ({ message }) => lost(`accepts no commands: ${message}`));
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
    child?.stdin.end();
  }

  #fail(error: Error): void {
    this.#child = undefined;
    this.#output = '';
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(error);
  }
}

/** The helper keeps this process alive only while it runs a command. */
function hold(child: Shell, wanted: boolean): void {
  const pipes = [child.stdin, child.stdout].filter((pipe) => pipe instanceof Socket);
  for (const end of [child, ...pipes]) {
    if (wanted) end.ref();
    else end.unref();
  }
}

/** Quotes any text as one word for the shell. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
