import { invalidArgument } from "../errors/crib-error.ts";
import { Signal } from "../gen/runtime/v1/api_pb.ts";
import { parseSignal, SIGRTMAX, SIGRTMIN, SIGTERM } from "../kernel/signals.ts";

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
 * The signal that asks a container to stop: the request's, else the image's StopSignal, else SIGTERM.
 *
 * @throws {CribError} invalid-argument for a number out of range or a name that does not exist.
 */
export function stopSignalNumber(requested: Signal, imageStopSignal: string): number {
  if (requested !== Signal.RUNTIME_DEFAULT) return criSignalNumber(requested);
  if (imageStopSignal === "") return SIGTERM;
  const number = parseSignal(imageStopSignal);
  if (number === undefined)
    throw invalidArgument(`image's stop signal ${JSON.stringify(imageStopSignal.slice(0, 40))} does not exist`);
  return number;
}

/** The CRI's enum for a signal number, for ContainerStatus; RUNTIME_DEFAULT for one the enum does not have. */
export function criSignal(number: number): Signal {
  const named = criSignalNames.findIndex((name) => parseSignal(name) === number);
  if (named >= 0) return named + 1;
  if (number >= SIGRTMIN && number <= SIGRTMAX) return criRealtimeMin + number - SIGRTMIN;
  return Signal.RUNTIME_DEFAULT;
}

function criSignalNumber(signal: Signal): number {
  const value: number = signal;
  if (value >= criRealtimeMin && value <= criRealtimeMin + SIGRTMAX - SIGRTMIN)
    return SIGRTMIN + value - criRealtimeMin;
  const name = criSignalNames[value - 1];
  const number = name === undefined ? undefined : parseSignal(name);
  if (number === undefined) throw invalidArgument(`stop signal ${value} is not one of the CRI's`);
  return number;
}
