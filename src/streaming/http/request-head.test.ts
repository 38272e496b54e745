import { describe, expect, test } from "bun:test";
import { RequestHeadReader } from "./request-head.ts";

const bytes = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

describe("RequestHeadReader", () => {
  test("reads a head that comes byte by byte, and leaves what is behind it", () => {
    const text = "POST /exec/x?y HTTP/1.1\r\nHost: h\r\nX-List: a\r\nx-list:\t b \r\nEmpty:\r\n\r\n";
    const reader = new RequestHeadReader();
    for (const byte of bytes(text.slice(0, -1))) expect(reader.push(Uint8Array.of(byte)).kind).toBe("incomplete");
    const result = reader.push(bytes("\nrest"));
    if (result.kind !== "complete") throw new TypeError(result.kind);
    expect(result.head).toEqual({
      method: "POST",
      target: "/exec/x?y",
      headers: new Map([
        ["host", ["h"]],
        ["x-list", ["a", "b"]],
        ["empty", [""]],
      ]),
    });
    expect(Buffer.from(result.rest).toString()).toBe("rest");
  });

  const request = (head: string) => `GET / HTTP/1.1\r\n${head}\r\n\r\n`;
  test.each([
    ["a bare line feed", "GET / HTTP/1.1\nHost: h\n\n\r\n\r\n", 400],
    ["a line feed within a value", request("A: b\nC: d"), 400],
    ["a carriage return within a value", request("A: b\rC: d"), 400],
    ["a folded line", request("A: b\r\n c"), 400],
    ["a blank before the colon", request("A : b"), 400],
    ["a line without a colon", request("A"), 400],
    ["a line without a name", request(": b"), 400],
    ["a NUL", request("A: \0"), 400],
    ["an absolute target", "GET http://h/ HTTP/1.1\r\n\r\n", 400],
    ["a target with a blank", "GET /a b HTTP/1.1\r\n\r\n", 400],
    ["a target with a byte above ASCII", "GET /\xe9 HTTP/1.1\r\n\r\n", 400],
    ["two blanks", "GET  / HTTP/1.1\r\n\r\n", 400],
    ["no version", "GET /\r\n\r\n", 400],
    ["a lower-case version", "GET / http/1.1\r\n\r\n", 400],
    ["HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 505],
    ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\n", 400],
    ["a TLS greeting", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400],
    ["an empty head", "\r\n\r\n", 400],
    ["129 fields", request(Array.from({ length: 129 }, (_, at) => `A${at}: b`).join("\r\n")), 431],
    ["a request line that does not end", `GET /${"a".repeat(9000)}`, 414],
    ["a long request line", `GET /${"a".repeat(9000)} HTTP/1.1\r\n\r\n`, 414],
    ["a head that does not end", `GET / HTTP/1.1\r\nA: ${"a".repeat(70_000)}`, 431],
  ])("refuses %s", (_what, text, status) => {
    expect(new RequestHeadReader().push(bytes(text))).toMatchObject({ kind: "refused", status });
  });

  test("V76: a head of 64 KiB of blanks is judged in no time", () => {
    const startMs = performance.now();
    new RequestHeadReader().push(bytes(request(`A: ${" ".repeat(60_000)}x${"\t".repeat(3000)}`)));
    new RequestHeadReader().push(bytes(request(`A:${" ".repeat(65_000)}`)));
    expect(performance.now() - startMs).toBeLessThan(50);
  });
});
