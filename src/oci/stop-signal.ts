import { invalidArgument } from "../errors/crib-error.ts";
import { Signal } from "../gen/runtime/v1/api_pb.ts";

const SIGTERM = 15;
/** glibc's SIGRTMIN and SIGRTMAX: it keeps 32 and 33 for itself. */
const realtimeMin = 34;
const realtimeMax = 64;

/** x86 and every architecture of asm-generic/signal.h. */
const signalNumbers: Readonly<Record<string, number>> = Object.freeze({
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  IOT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  POLL: 29,
  PWR: 30,
  SYS: 31,
});

/** The CRI's Signal enum in order of its numbers: those of the wire are kept for ever, its names have changed once. */
const criSignalNames = [
  "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL", "PROF",
  "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM",
  "WINCH", "XCPU", "XFSZ",
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
  return imageStopSignal === "" ? SIGTERM : parseSignal(imageStopSignal);
}

/** "SIGTERM", "term", "15", "SIGRTMIN+3", "RTMAX-1". @throws {CribError} invalid-argument */
export function parseSignal(text: string): number {
  const name = text.toUpperCase().replace(/^SIG/, "");
  if (/^[1-9][0-9]?$/.test(name) && name === text) return checkRange(Number(name), text);
  const realtime = /^RT(MIN|MAX)(?:([+-])([0-9]|[12][0-9]|30))?$/.exec(name);
  if (realtime !== null) {
    const [, end, sign, digits] = realtime;
    const offset = Number(digits ?? 0);
    if (end === "MIN" && sign !== "-") return checkRange(realtimeMin + offset, text);
    if (end === "MAX" && sign !== "+") return checkRange(realtimeMax - offset, text);
  }
  const number = Object.hasOwn(signalNumbers, name) ? signalNumbers[name] : undefined;
  if (number === undefined) throw invalidArgument(`signal ${JSON.stringify(text.slice(0, 40))} does not exist`);
  return number;
}

/** The CRI's enum for a signal number, for ContainerStatus; RUNTIME_DEFAULT for one the enum does not have. */
export function criSignal(number: number): Signal {
  const named = criSignalNames.findIndex((name) => signalNumbers[name] === number);
  if (named >= 0) return named + 1;
  if (number >= realtimeMin && number <= realtimeMax) return criRealtimeMin + number - realtimeMin;
  return Signal.RUNTIME_DEFAULT;
}

function criSignalNumber(signal: Signal): number {
  const value: number = signal;
  if (value >= criRealtimeMin && value <= criRealtimeMin + realtimeMax - realtimeMin) return realtimeMin + value - criRealtimeMin;
  const name = criSignalNames[value - 1];
  const number = name === undefined ? undefined : signalNumbers[name];
  if (number === undefined) throw invalidArgument(`stop signal ${value} is not one of the CRI's`);
  return number;
}

function checkRange(number: number, text: string): number {
  if (number < 1 || number > realtimeMax) throw invalidArgument(`signal ${JSON.stringify(text)} is not from 1 to ${realtimeMax}`);
  return number;
}
