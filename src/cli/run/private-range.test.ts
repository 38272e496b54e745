import { expect, test } from "bun:test";
import { privateRange } from "./private-range.ts";

const head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
const route = (link: string, destination: string, mask: string, flags = "0001") =>
  `${link}\t${destination}\t00000000\t${flags}\t0\t0\t0\t${mask}\t0\t0\t0\n`;
const byDefault = route("eth0", "00000000", "00000000", "0003");

test.each([
  ["nothing in its way", byDefault, "10.87.7.0/24"],
  ["another's network of the same range", route("br0", "0007570A", "00FFFFFF"), "10.87.8.0/24"],
  ["a half of it", route("br0", "8007570A", "80FFFFFF"), "10.87.8.0/24"],
  ["a wider one around it", route("br0", "0000570A", "00F8FFFF"), "10.87.8.0/24"],
  ["its own bridge of an earlier daemon", route("crib-1", "0007570A", "00FFFFFF"), "10.87.7.0/24"],
  ["a private network behind a router", route("eth0", "0000000A", "000000FF", "0003"), "10.87.7.0/24"],
  ["all of 10.87 taken", route("br0", "0000570A", "0000FFFF"), "10.87.7.0/24"],
  ["a network elsewhere", route("br0", "0000580A", "0000FFFF"), "10.87.7.0/24"],
])("a private daemon's range: %s", (_, routes, range) => {
  expect(privateRange(head + routes, 7, "crib-1")).toBe(range);
});

test("the last of the ranges is followed by the first", () => {
  expect(privateRange(head + route("br0", "00FF570A", "00FFFFFF"), 255, "crib-1")).toBe("10.87.0.0/24");
});
