import { expect, test } from "bun:test";
import { parseHostPath } from "../../ids/path.ts";
import { RoomKeeper } from "./room-keeper.ts";

const directory = parseHostPath("/var/lib/crib/content");
const mebibyte = 1024 * 1024;

test("the first piece is asked about, and then one of sixteen mebibytes", async () => {
  let asked = 0;
  const room = new RoomKeeper(directory, 100, async () => {
    asked += 1;
    return { freeBytes: 100, totalBytes: 1000 };
  });
  for (let piece = 0; piece < 33; piece++) await room.ensure(mebibyte);
  expect(asked).toBe(3);
});

test("below the floor it is told, with the file system and both numbers", async () => {
  const room = new RoomKeeper(directory, 128, async () => ({ freeBytes: 127, totalBytes: 1000 }));
  const error = await room.ensure(0).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "resource-exhausted" });
  expect(String(error)).toContain(
    "only 127 bytes are free on the file system of /var/lib/crib/content, and 128 are kept",
  );
});

test("a floor that is reached in the middle ends what is written", async () => {
  let free = 40 * mebibyte;
  const room = new RoomKeeper(directory, 20 * mebibyte, async () => ({ freeBytes: free, totalBytes: 100 * mebibyte }));
  let written = 0;
  const failed = async (): Promise<unknown> => {
    for (;;) {
      try {
        await room.ensure(4 * mebibyte);
      } catch (error) {
        return error;
      }
      written += 4 * mebibyte;
      free -= 4 * mebibyte;
    }
  };
  expect(await failed()).toMatchObject({ code: "resource-exhausted" });
  expect(written).toBeLessThanOrEqual(32 * mebibyte);
});
