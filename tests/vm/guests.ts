import type { GuestOptions } from "./boot.ts";

/** Debian 12's own kernel: before 6.5, whose overlayfs takes all layers in one page of options. */
const DEBIAN_12 = "linux-image-cloud-amd64";
const NEWER = "linux-image-6.12-cloud-amd64";

const own = (name: string): string => `tests/vm/inside/${name}.test.ts`;
const tests = [own("doctor"), own("limits"), own("lifecycle")];
const bounds = { testBoundSeconds: 240, boundSeconds: 600 };

/** Every machine that crib is proved on, by name. 6.12 has no memory controller of v1, so v1 is asked of 6.1 alone. */
export const guests: readonly GuestOptions[] = [
  {
    name: "v2",
    kernel: DEBIAN_12,
    layout: "v2",
    packages: ["apparmor"],
    tests: [...tests, own("apparmor"), own("delegation")],
    ...bounds,
  },
  { name: "v1", kernel: DEBIAN_12, layout: "v1", tests, ...bounds },
  { name: "hybrid", kernel: DEBIAN_12, layout: "hybrid", tests, ...bounds },
  {
    name: "selinux",
    kernel: DEBIAN_12,
    layout: "v2",
    selinux: true,
    packages: ["checkpolicy"],
    tests: [own("selinux")],
    ...bounds,
  },
  { name: "v2-newer", kernel: NEWER, layout: "v2", tests, ...bounds },
];
