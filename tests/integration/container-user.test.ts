import { describe, expect, test } from "bun:test";
import type { TestImageName } from "../fixtures/test-images.ts";
import { codeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { useTestBed } from "../harness/use-test-bed.ts";

const bed = useTestBed({ images: ["busybox", "users", "user-numeric"] });

interface Context {
  readonly runAsUser?: { readonly value: bigint };
  readonly runAsGroup?: { readonly value: bigint };
  readonly runAsUsername?: string;
  readonly supplementalGroups?: bigint[];
}

const id = (value: number) => ({ value: BigInt(value) });

describe("user and groups", () => {
  interface Row {
    readonly what: string;
    readonly image?: TestImageName;
    readonly context: Context;
    /** uid, gid and all supplementary groups, sorted. */
    readonly seen: string;
    /** How containerd 1.6 differs. */
    readonly difference?: string;
  }
  const rootGroups = "adds root's groups to the image's user";
  const rows: readonly Row[] = [
    { what: "root of an image that names nobody", context: {}, seen: "0 0 0,10" },
    {
      what: "the image's user by name",
      image: "users",
      context: {},
      seen: "1000 1000 10,44,1000",
      difference: rootGroups,
    },
    {
      what: "the image's user and group by number",
      image: "user-numeric",
      context: {},
      seen: "33 44 44",
      difference: rootGroups,
    },
    { what: "a name", context: { runAsUsername: "web" }, seen: "33 33 33,44" },
    { what: "a name and a group", context: { runAsUsername: "web", runAsGroup: id(7) }, seen: "33 7 7,44" },
    { what: "a number the image knows", context: { runAsUser: id(1000) }, seen: "1000 1000 10,44,1000" },
    { what: "a number the image does not know", context: { runAsUser: id(4242) }, seen: "4242 0 0" },
    { what: "a number and a group", context: { runAsUser: id(4242), runAsGroup: id(4343) }, seen: "4242 4343 4343" },
    {
      what: "groups of the request",
      context: { runAsUser: id(4242), supplementalGroups: [5n, 6n] },
      seen: "4242 0 0,5,6",
    },
    { what: "root against the image's user", image: "users", context: { runAsUser: id(0) }, seen: "0 0 0,10" },
  ];
  const script = "echo $(id -u) $(id -g) $(id -G | tr ' ' '\\n' | sort -nu | tr '\\n' ',' | sed 's/,$//')";
  for (const { what, image = "busybox", context, seen, difference } of rows) {
    const check = difference === undefined ? test : onlyCrib(difference);
    check(what, async () => {
      const pod = await bed.runPod();
      expect(await bed.output(pod, script, { image, linux: { securityContext: context } })).toBe(seen);
    });
  }

  test("an exec is the same user", async () => {
    const linux = { securityContext: { runAsUsername: "alice" } };
    const container = await bed.runIdle(await bed.runPod(), { linux });
    expect(await container.sh(script)).toBe("1000 1000 10,44,1000");
  });

  test("HOME is the user's", async () => {
    const pod = await bed.runPod();
    expect(await bed.output(pod, "echo $HOME", { image: "users" })).toBe("/home/alice");
    expect(await bed.output(pod, "echo $HOME")).toBe("/root");
  });
});

describe("users that are none", () => {
  const badNames = ["nobody-knows-me", "-1", "0x10", "1000 "];
  for (const runAsUsername of badNames) {
    test(`${JSON.stringify(runAsUsername)} is refused before anything runs`, async () => {
      const pod = await bed.runPod();
      const work = bed.run(pod, { command: ["id"], linux: { securityContext: { runAsUsername } } });
      expect(await codeOf(work)).not.toBe("OK");
    });
  }

  const reinterpreted = ["01", " 0", "4294967296", "4294967295", "+0", "1e3"];
  for (const runAsUsername of reinterpreted) {
    onlyCrib("takes what its number parser takes")(
      `${JSON.stringify(runAsUsername)} never becomes another user`,
      async () => {
        const pod = await bed.runPod();
        expect(await codeOf(bed.create(pod, { linux: { securityContext: { runAsUsername } } }))).toBe(
          "InvalidArgument",
        );
      },
    );
  }

  const numbers = [-1n, 4294967295n, 4294967296n, 9223372036854775807n];
  for (const value of numbers) {
    onlyCrib("truncates to 32 bits")(`number ${value} is refused`, async () => {
      const pod = await bed.runPod();
      expect(await codeOf(bed.create(pod, { linux: { securityContext: { runAsUser: { value } } } }))).toBe(
        "InvalidArgument",
      );
    });
  }

  test("a group without a user is refused", async () => {
    const pod = await bed.runPod();
    expect(await codeOf(bed.create(pod, { linux: { securityContext: { runAsGroup: { value: 5n } } } }))).not.toBe("OK");
  });
});
