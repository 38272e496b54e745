/** The exit codes of every verb; `run` and `exec` give the container's own code instead of `ok`. */
export const ExitCode = {
  ok: 0,
  failure: 1,
  usage: 2,
  /** No daemon answers on the socket. */
  unreachable: 3,
  /** `run` and `exec`: crib itself failed, the command was never started. */
  engine: 125,
  /** `run` and `exec`: the command was found and cannot be executed. */
  cannotExecute: 126,
  /** `run` and `exec`: no such command in the image. */
  commandNotFound: 127,
  /** 128 + SIGINT, as a shell reports what Ctrl-C ended: a session, or a run before there was a container to ask. */
  interrupted: 130,
} as const;
