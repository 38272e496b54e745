/** Signal numbers by name, asm-generic (x86_64, arm64). */
export const Signal = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGSTKFLT: 16,
  SIGCHLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
  SIGTSTP: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGURG: 23,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGWINCH: 28,
  SIGIO: 29,
  SIGPWR: 30,
  SIGSYS: 31,
} as const;

export const { SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGTERM } = Signal;

export type SignalName = keyof typeof Signal;

const aliases: Readonly<Record<string, number>> = {
  SIGIOT: Signal.SIGABRT,
  SIGCLD: Signal.SIGCHLD,
  SIGPOLL: Signal.SIGIO,
  SIGUNUSED: Signal.SIGSYS,
};

/** glibc keeps 32 and 33 for itself; images name real-time signals relative to what is left, as systemd's SIGRTMIN+3. */
export const SIGRTMIN = 34;
export const SIGRTMAX = 64;

const realTime = /^SIG(?:RTMIN(?:\+(\d{1,2}))?|RTMAX(?:-(\d{1,2}))?)$/;

/**
 * The number of a signal as an image's `StopSignal` or a CRI request spells it: `SIGTERM`, `TERM`, `term`, `15`,
 * `SIGRTMIN+3`, `RTMAX-1`. undefined for anything else, 0 included: that is no signal to stop anything with.
 */
export function parseSignal(text: string): number | undefined {
  if (/^\d{1,2}$/.test(text)) {
    const number = Number(text);
    return number >= 1 && number <= SIGRTMAX ? number : undefined;
  }
  const upper = text.toUpperCase();
  const name = upper.startsWith("SIG") ? upper : `SIG${upper}`;
  if (Object.hasOwn(Signal, name)) return Signal[name as SignalName];
  if (Object.hasOwn(aliases, name)) return aliases[name];
  return parseRealTime(name);
}

function parseRealTime(name: string): number | undefined {
  const match = realTime.exec(name);
  if (match === null) return undefined;
  const number = name.startsWith("SIGRTMIN") ? SIGRTMIN + Number(match[1] ?? 0) : SIGRTMAX - Number(match[2] ?? 0);
  return number >= SIGRTMIN && number <= SIGRTMAX ? number : undefined;
}

const nameByNumber = new Map<number, string>(Object.entries(Signal).map(([name, number]) => [number, name]));

/** `15` → `SIGTERM`, `37` → `SIGRTMIN+3`; a number that is no signal is shown as it is. */
export function signalName(number: number): string {
  const name = nameByNumber.get(number);
  if (name !== undefined) return name;
  if (number < SIGRTMIN || number > SIGRTMAX) return `signal ${number}`;
  return number === SIGRTMIN ? "SIGRTMIN" : `SIGRTMIN+${number - SIGRTMIN}`;
}
