import type { Brand } from "./brand.ts";

/** An open file descriptor of this process. */
export type Fd = Brand<number, "Fd">;
/** A process id in the host's pid namespace. */
export type Pid = Brand<number, "Pid">;
