import { expect, test } from "bun:test";
import { transportWords } from "./transport-words.ts";

test.each([
  [Object.assign(new Error("x"), { code: "ECONNRESET" }), "connection reset"],
  [
    new Error(
      "The socket connection was closed unexpectedly. For more information, pass `verbose: true` in the second argument to fetch()",
    ),
    "The socket connection was closed unexpectedly",
  ],
  [new Error("Unable to connect. Is the computer able to access the url?"), "Unable to connect"],
  [new Error(""), "the connection failed"],
  ["text", "text"],
])("%p", (error, words) => {
  expect(transportWords(error)).toBe(words);
});
