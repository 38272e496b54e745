import { ErrnoError } from "../../errors/errno-error.ts";
import { errnoReader, type Libc, openLibc } from "./linux-libc.ts";
import { openShim, type Shim } from "./linux-shim.ts";

/** Both libraries of one thread, and the one way their results turn into errors. */
export interface Calls {
  readonly libc: Libc;
  readonly shim: Shim;
  /** For libc: -1 throws with this thread's errno, everything else comes back. Call it with the libc call in its argument. */
  checked(result: number, syscall: string, path?: string): number;
  /** The errno of the libc call just made. */
  errno(): number;
}

/** errno lives in the thread: what is opened here must stay in the thread (main or Worker) that opened it. */
export function openCalls(): Calls {
  const libc = openLibc();
  const errno = errnoReader(libc);
  return {
    libc,
    shim: openShim(libc),
    errno,
    checked(result, syscall, path) {
      if (result !== -1) return result;
      throw new ErrnoError(errno(), syscall, path);
    },
  };
}

/** For the shim: a negative result is -errno. */
export function checkedShim(result: number, syscall: string, path?: string): number {
  if (result >= 0) return result;
  throw new ErrnoError(-result, syscall, path);
}
