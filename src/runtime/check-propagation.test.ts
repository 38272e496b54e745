import { expect, test } from "bun:test";
import { checkPropagation, mountOf, parseMountinfo } from "./check-propagation.ts";

const mounts = parseMountinfo(
  [
    "20 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw",
    "21 20 0:5 / /srv rw - tmpfs tmpfs rw",
    "22 21 0:6 / /srv/shared rw shared:7 master:2 - tmpfs tmpfs rw",
    "23 21 0:7 / /srv/slave rw master:3 propagate_from:2 - tmpfs tmpfs rw",
    "24 21 0:8 / /srv/with\\040space rw - tmpfs - rw",
    "25 20 0:9 / /srv rw shared:9 - tmpfs tmpfs rw",
    "",
  ].join("\n"),
);

const cases: readonly [string, string, boolean, boolean][] = [
  ["/etc/x", "/", true, false],
  ["/srv/shared/deep/er", "/srv/shared", true, true],
  ["/srv/slave", "/srv/slave", false, true],
  ["/srv/with space/x", "/srv/with space", false, false],
  ["/srv/sharedness", "/srv", true, false],
  ["/srvx", "/", true, false],
];
for (const [path, point, shared, slave] of cases) {
  test(`mountOf() ${path} is ${point}`, () => {
    expect(mountOf(path, mounts)).toEqual({ point, shared, slave });
  });
}

test("checkPropagation() asks nothing of private mounts, not even that the source is there", () => {
  checkPropagation(
    [{ destination: "/a", type: "bind", source: "/not/there", options: ["rbind", "rprivate"] }],
    (path) => path,
  );
});
