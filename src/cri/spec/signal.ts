import { invalidArgument } from "../../errors/crib-error.ts";
import { Signal } from "../../gen/runtime/v1/api_pb.ts";
import { parseSignal, SIGRTMAX, SIGRTMIN } from "../../kernel/signals.ts";

/** The CRI's Signal enum in order of its numbers: those of the wire are kept for ever, its names have changed once. */
const criSignalNames = [
  "ABRT",
  "ALRM",
  "BUS",
  "CHLD",
  "CLD",
  "CONT",
  "FPE",
  "HUP",
  "ILL",
  "INT",
  "IO",
  "IOT",
  "KILL",
  "PIPE",
  "POLL",
  "PROF",
  "PWR",
  "QUIT",
  "SEGV",
  "STKFLT",
  "STOP",
  "SYS",
  "TERM",
  "TRAP",
  "TSTP",
  "TTIN",
  "TTOU",
  "URG",
  "USR1",
  "USR2",
  "VTALRM",
  "WINCH",
  "XCPU",
  "XFSZ",
] as const;

/** SIGNAL_SIGRTMIN; the enum counts up from RTMIN to RTMIN+15, then from RTMAX-14 to RTMAX: 31 signals without a gap. */
const criRealtimeMin = 35;

/**
 * The number that Linux has for it; undefined for RUNTIME_DEFAULT.
 *
 * @throws {CribError} invalid-argument for a number that is not the CRI's.
 */
export function toSignal(signal: Signal): number | undefined {
  const value: number = signal;
  if (value === Signal.RUNTIME_DEFAULT) return undefined;
  if (value >= criRealtimeMin && value <= criRealtimeMin + SIGRTMAX - SIGRTMIN)
    return SIGRTMIN + value - criRealtimeMin;
  const name = criSignalNames[value - 1];
  const number = name === undefined ? undefined : parseSignal(name);
  if (number === undefined) throw invalidArgument(`stop signal ${value} is not one of the CRI's`);
  return number;
}

/** The CRI's enum for a signal number, for ContainerStatus; RUNTIME_DEFAULT for one the enum does not have. */
export function fromSignal(number: number | undefined): Signal {
  if (number === undefined) return Signal.RUNTIME_DEFAULT;
  const named = criSignalNames.findIndex((name) => parseSignal(name) === number);
  if (named >= 0) return named + 1;
  if (number >= SIGRTMIN && number <= SIGRTMAX) return criRealtimeMin + number - SIGRTMIN;
  return Signal.RUNTIME_DEFAULT;
}
