import { describe, expect, test } from "bun:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { CribError, notFound } from "../errors/crib-error.ts";
import { ErrnoError } from "../errors/errno-error.ts";
import { errorCodes } from "../errors/error-code.ts";
import { toConnectError } from "./error-map.ts";

describe("toConnectError()", () => {
  test("gives every crib code a gRPC code of its own", () => {
    const codes = errorCodes.map((code) => toConnectError(new CribError(code, "m"), () => "x").code);
    expect(new Set(codes).size).toBe(errorCodes.length);
    expect(codes).not.toContain(Code.Unknown);
  });

  test("keeps code and message of a crib error", () => {
    const error = toConnectError(notFound("sandbox", "3f"), () => "x");
    expect(error.code).toBe(Code.NotFound);
    expect(error.rawMessage).toBe('sandbox "3f" not found');
  });

  test("shows a failed system call as internal, with call and path", () => {
    const error = toConnectError(new ErrnoError(2, "openat2", "/x"), () => "x");
    expect(error.code).toBe(Code.Internal);
    expect(error.rawMessage).toContain("openat2");
  });

  test.each([
    [Object.assign(new Error("ENOSPC"), { code: "ENOSPC", path: "/root/containers/x" }), "/root/containers/x"],
    [Object.assign(new Error("EDQUOT"), { code: "EDQUOT", path: "/a", dest: "/root/b" }), "/root/b"],
    [new ErrnoError(28, "mkdirat", "/root/y"), "/root/y"],
    [Object.assign(new Error("EMFILE"), { code: "EMFILE" }), "LimitNOFILE"],
  ])("F06: tells a full disk and a full table as resource-exhausted, with the place: %p", (thrown, place) => {
    const error = toConnectError(thrown, () => "x");
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(error.rawMessage).toContain(place);
  });

  test.each([[new TypeError("boom")], ["boom"], [{ toString: (): string => "boom" }]])(
    "tells an unforeseen failure with its id: %p",
    (thrown) => {
      const error = toConnectError(thrown, () => "c0ffee");
      expect(error.code).toBe(Code.Internal);
      expect(error.rawMessage).toBe("unexpected failure c0ffee: boom");
    },
  );

  test("tells what failed, when undoing it failed as well (the message was empty)", () => {
    const thrown = new SuppressedError(
      new Error("undo"),
      new SuppressedError(new Error("undo"), notFound("image", "x")),
    );
    const error = toConnectError(thrown, () => "x");
    expect([error.code, error.rawMessage, error.cause]).toEqual([Code.NotFound, 'image "x" not found', thrown]);
  });

  test("passes Connect's own errors on", () => {
    const own = new ConnectError("late", Code.DeadlineExceeded);
    expect(toConnectError(own, () => "x")).toBe(own);
  });

  test("bounds the message", () => {
    expect(toConnectError(new CribError("internal", "x".repeat(1e6)), () => "x").rawMessage.length).toBeLessThan(3000);
  });
});
