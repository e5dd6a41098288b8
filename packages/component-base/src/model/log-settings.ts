/** Decides where a program's log lines go, and which are written at all. */
export interface LogSettings {
  /** `text` is klog's line form: `I1121 07:45:05.123456  4711 kubelet] "Pod started" pod="ns/name"`. */
  readonly format: 'text' | 'json';
  /** klog's `-v`: 0 to 2^31 − 1. */
  readonly verbosity: number;
  readonly modules: readonly ModuleVerbosity[];
  /** Writes information to stdout, and only warnings and errors to stderr. */
  readonly splitStream: boolean;
  /** Holds back that much information; 0 writes each line at once. Only with `splitStream`. */
  readonly infoBufferBytes: number;
  /** Longest time that a line is held back, in milliseconds. */
  readonly flushMs: number;
}

/** Another verbosity for some parts of the program. */
export interface ModuleVerbosity {
  /** The part's name; `*` stands for any text, `?` for one character. */
  readonly filePattern: string;
  readonly verbosity: number;
}
