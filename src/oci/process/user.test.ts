import { describe, expect, test } from "bun:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { fixtureAccounts } from "../../../tests/fixtures/spec-input.ts";
import { securityContext } from "../../../tests/fixtures/specs.ts";
import { CribError } from "../../errors/crib-error.ts";
import { type LinuxContainerSecurityContextSchema, SupplementalGroupsPolicy } from "../../gen/runtime/v1/api_pb.ts";
import { resolveUser } from "./user.ts";

function resolve(imageUser: string, security?: MessageInitShape<typeof LinuxContainerSecurityContextSchema>) {
  const context = security === undefined ? undefined : securityContext(security);
  return resolveUser(context, imageUser, fixtureAccounts);
}

describe("resolveUser()", () => {
  const cases: readonly [
    string,
    Parameters<typeof resolve>,
    { uid: number; gid: number; additionalGids: number[]; home: string },
  ][] = [
    ["nothing asked for is root", [""], { uid: 0, gid: 0, additionalGids: [0], home: "/root" }],
    ["a name of the image", ["web"], { uid: 1000, gid: 1001, additionalGids: [1001, 29, 44], home: "/home/web" }],
    [
      "a number takes group, groups and home of its account",
      ["1000"],
      { uid: 1000, gid: 1001, additionalGids: [1001, 29, 44], home: "/home/web" },
    ],
    ["a number without account has group 0", ["4242"], { uid: 4242, gid: 0, additionalGids: [0], home: "/" }],
    ["a group of the image", ["web:audio"], { uid: 1000, gid: 29, additionalGids: [29, 44], home: "/home/web" }],
    ["numbers for both", ["7:8"], { uid: 7, gid: 8, additionalGids: [8], home: "/" }],
    [
      "a colon with no group behind it is no group (it was a malformed one)",
      ["1000:"],
      { uid: 1000, gid: 1001, additionalGids: [1001, 29, 44], home: "/home/web" },
    ],
    ["the highest id", ["4294967294"], { uid: 4294967294, gid: 0, additionalGids: [0], home: "/" }],
    [
      "a passwd name of digits never beats the number (CVE-2016-3697)",
      ["2000"],
      { uid: 2000, gid: 0, additionalGids: [0], home: "/" },
    ],
    [
      "run_as_user over the image",
      ["web", { runAsUser: { value: 5n } }],
      { uid: 5, gid: 0, additionalGids: [0], home: "/" },
    ],
    [
      "run_as_user 0 is root, not unset",
      ["web", { runAsUser: { value: 0n } }],
      { uid: 0, gid: 0, additionalGids: [0], home: "/root" },
    ],
    [
      "run_as_username over the image",
      ["root", { runAsUsername: "web" }],
      { uid: 1000, gid: 1001, additionalGids: [1001, 29, 44], home: "/home/web" },
    ],
    [
      "run_as_group with run_as_user",
      ["", { runAsUser: { value: 1000n }, runAsGroup: { value: 9n } }],
      { uid: 1000, gid: 9, additionalGids: [9, 29, 44], home: "/home/web" },
    ],
    [
      "Merge adds what is asked for to the image's",
      ["web", { supplementalGroups: [29n, 3n] }],
      { uid: 1000, gid: 1001, additionalGids: [1001, 29, 44, 3], home: "/home/web" },
    ],
    [
      "Strict has only what is asked for and the primary group (CVE-2022-36109)",
      ["web", { supplementalGroups: [3n], supplementalGroupsPolicy: SupplementalGroupsPolicy.Strict }],
      { uid: 1000, gid: 1001, additionalGids: [1001, 3], home: "/home/web" },
    ],
  ];
  for (const [name, args, expected] of cases) test(name, () => expect(resolve(...args)).toEqual(expected));

  // CVE-2024-40635, CVE-2026-30892, CVE-2026-46680: never 0 by accident.
  const malformed = [
    ...["01", "+1", "-1", " 0", "0 ", "1 ", "4294967295", "4294967296", "2147483648:4294967296", "00000000000", "1e0"],
    ...["0x0", "1:x", "nobody", "web:nogroup", ":nogroup", "1\n", "ro ot", "99999999999999999999", "\0", "１"],
  ];
  for (const user of malformed) {
    test(`refuses USER ${JSON.stringify(user)}`, () => {
      expect(() => resolve(user)).toThrow(CribError);
    });
  }

  for (const value of [-1n, 4294967295n, 4294967296n, 2n ** 63n - 1n]) {
    test(`refuses ${value} as user, group and supplemental group`, () => {
      expect(() => resolve("", { runAsUser: { value } })).toThrow("run_as_user");
      expect(() => resolve("", { runAsUser: { value: 1n }, runAsGroup: { value } })).toThrow("run_as_group");
      expect(() => resolve("", { supplementalGroups: [value] })).toThrow("supplemental group");
    });
  }

  test("refuses a group without a user", () => {
    expect(() => resolve("web", { runAsGroup: { value: 1n } })).toThrow("without run_as_user");
  });
});
