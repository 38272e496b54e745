import { Signal } from "../../gen/runtime/v1/api_pb.ts";

/** Linux signal numbers (x86_64, arm64; signal(7)) as the API counts them. Aliases (SIGCLD, SIGIOT, SIGPOLL) are left out. */
const standard: Readonly<Record<number, Signal>> = {
  1: Signal.SIGHUP,
  2: Signal.SIGINT,
  3: Signal.SIGQUIT,
  4: Signal.SIGILL,
  5: Signal.SIGTRAP,
  6: Signal.SIGABRT,
  7: Signal.SIGBUS,
  8: Signal.SIGFPE,
  9: Signal.SIGKILL,
  10: Signal.SIGUSR1,
  11: Signal.SIGSEGV,
  12: Signal.SIGUSR2,
  13: Signal.SIGPIPE,
  14: Signal.SIGALRM,
  15: Signal.SIGTERM,
  16: Signal.SIGSTKFLT,
  17: Signal.SIGCHLD,
  18: Signal.SIGCONT,
  19: Signal.SIGSTOP,
  20: Signal.SIGTSTP,
  21: Signal.SIGTTIN,
  22: Signal.SIGTTOU,
  23: Signal.SIGURG,
  24: Signal.SIGXCPU,
  25: Signal.SIGXFSZ,
  26: Signal.SIGVTALRM,
  27: Signal.SIGPROF,
  28: Signal.SIGWINCH,
  29: Signal.SIGIO,
  30: Signal.SIGPWR,
  31: Signal.SIGSYS,
};

/** Real-time signals 34–64 are numbered in order by both sides; glibc's SIGRTMIN is 34. */
const firstRealTime = 34;
const lastRealTime = 64;

/** By number, never by name: the API renamed its keys once already. A number it does not have is the default. */
export function toStopSignal(signal: number): Signal {
  if (signal >= firstRealTime && signal <= lastRealTime) return Signal.SIGRTMIN + (signal - firstRealTime);
  return standard[signal] ?? Signal.RUNTIME_DEFAULT;
}
