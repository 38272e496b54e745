import { describe, expect, test } from "bun:test";
import {
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
} from "../../kernel/mount-flags.ts";
import { type MountOptions, parseMountOptions } from "./mount-options.ts";

const plain: MountOptions = {
  bind: false,
  recursiveBind: false,
  attributes: 0,
  recursiveAttributes: false,
  propagation: "private",
  data: [],
};

describe("parseMountOptions()", () => {
  const cases: readonly [string, readonly string[], Partial<MountOptions>][] = [
    ["nothing", [], {}],
    [
      "a new filesystem's",
      ["nosuid", "noexec", "nodev", "mode=755"],
      { attributes: MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV, data: ["mode=755"] },
    ],
    [
      "a bind's",
      ["rbind", "rslave", "ro"],
      { bind: true, recursiveBind: true, propagation: "slave", attributes: MOUNT_ATTR_RDONLY },
    ],
    ["one mount's bind", ["bind", "shared"], { bind: true, propagation: "shared" }],
    [
      "recursive read-only",
      ["rbind", "rro"],
      { bind: true, recursiveBind: true, attributes: MOUNT_ATTR_RDONLY, recursiveAttributes: true },
    ],
    ["ro taken back by rw", ["ro", "rw"], {}],
    ["atime modes, which exclude each other", ["noatime", "strictatime"], { attributes: MOUNT_ATTR_STRICTATIME }],
    ["relatime, which is none of them", ["noatime", "relatime"], {}],
    ["recursive noatime", ["rnoatime"], { attributes: MOUNT_ATTR_NOATIME, recursiveAttributes: true }],
    [
      "what only the filesystem knows",
      ["newinstance", "gid=5", "__proto__"],
      { data: ["newinstance", "gid=5", "__proto__"] },
    ],
  ];
  for (const [name, options, expected] of cases) {
    test(`reads ${name}`, () => {
      expect(parseMountOptions(options)).toEqual({ ...plain, ...expected });
    });
  }
});
