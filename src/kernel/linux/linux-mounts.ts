import type { Fd } from "../../ids/process.ts";
import type { MountCalls } from "../port.ts";
import { cString, cStrings } from "./c-string.ts";
import type { Calls } from "./linux-calls.ts";
import { withFailure } from "./linux-failure.ts";

export function mountCalls({ libc, shim, checked }: Calls): MountCalls {
  return {
    mount(source, target, type, flags, data) {
      const result = libc.mount(
        cString(source, "mount source"),
        cString(target, "mount target"),
        cString(type, "filesystem type"),
        flags,
        cString(data, "mount options"),
      );
      checked(result, "mount", target);
    },
    umount: (target, flags) => void checked(libc.umount2(cString(target, "mount target"), flags), "umount2", target),
    openOverlayView(lowerDirs) {
      const lower = cStrings(lowerDirs, "layer directory");
      return withFailure((record) => shim.crib_overlay_view(lower, lowerDirs.length, record)) as Fd;
    },
    mountLayer(index, archive) {
      const paths = [cString(index, "layer index"), cString(archive, "layer archive")] as const;
      return withFailure((record) => shim.crib_layer_mount(...paths, record)) as Fd;
    },
  };
}
