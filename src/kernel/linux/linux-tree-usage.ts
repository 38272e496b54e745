import type { Fd } from "../../ids/process.ts";
import type { TreeCalls } from "../port.ts";
import { cString } from "./c-string.ts";
import { type Calls, checkedShim } from "./linux-calls.ts";
import { withFailure } from "./linux-failure.ts";

/** `struct crib_err` of ffi/libcrib/crib.h. */
const ERR_BYTES = 256;

export function treeCalls({ shim }: Calls): TreeCalls {
  return {
    measureTreeAside(path, { maxEntries, maxMs }) {
      const limits = new BigUint64Array([BigInt(maxEntries), BigInt(maxMs)]);
      const failure = new Uint8Array(ERR_BYTES);
      return checkedShim(shim.crib_tree_usage(cString(path, "path"), limits, failure), "measure", path) as Fd;
    },
    removeTreeAside(parent, name) {
      return withFailure((record) => shim.crib_remove_tree(parent, cString(name, "name"), record)) as Fd;
    },
  };
}
