import { NetfilterError } from '../model/errors.js';
import type { Command, CommandResult, CommandRunner } from '../ports.js';

/** The answer to one expected command; exit code 0 and no output when absent. */
export interface ScriptedAnswer {
  /** The whole command line, with words joined by spaces. */
  readonly line: string;
  readonly exitCode?: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

/**
 * Answers known command lines and records the commands it ran; unknown programs count as not
 * installed.
 */
export class ScriptedCommandRunner implements CommandRunner {
  readonly ran: { line: string; stdin: string }[] = [];
  readonly #answers: readonly ScriptedAnswer[];

  constructor(answers: readonly ScriptedAnswer[]) {
    this.#answers = answers;
  }

  async run({ argv, stdin = [] }: Command): Promise<CommandResult> {
    const line = argv.join(' ');
    this.ran.push({ line, stdin: [...stdin].join('') });
    const answer = this.#answers.find((candidate) => candidate.line === line);
    if (answer === undefined) {
      throw new NetfilterError('NETFILTER_COMMAND_MISSING', `${argv[0]}: not installed`);
    }
    const { exitCode = 0, stdout = '', stderr = '' } = answer;
    return { exitCode, stdout, stderr };
  }
}
