import { expect, test } from "bun:test";
import { capDeadline } from "./grpc-listener.ts";

test.each([
  ["597H", "596H"],
  ["99999999H", "596H"],
  ["2592000S", "596H"],
  ["596H", "596H"],
  ["2145600S", "2145600S"],
  ["99999999m", "99999999m"],
  ["99999999n", "99999999n"],
  ["garbage", "garbage"],
  ["999999999H", "999999999H"],
  ["", ""],
])("a deadline of %j is %j", (asked, kept) => {
  const headers = { "grpc-timeout": asked };
  capDeadline(headers);
  expect(headers).toEqual({ "grpc-timeout": kept });
});
