import type { MessageInitShape } from "@bufbuild/protobuf";
import { invalidArgument } from "../../errors/crib-error.ts";
import type { LinuxContainerSecurityContextSchema } from "../../gen/runtime/v1/api_pb.ts";
import { parseWholeNumber } from "../parse/whole-number.ts";

/** One below (uid_t)-1, which means "unchanged" to the kernel. */
const largestId = 4_294_967_294;

type User = Pick<
  MessageInitShape<typeof LinuxContainerSecurityContextSchema>,
  "runAsUser" | "runAsUsername" | "runAsGroup"
>;

/** `1000`, `1000:1000`, `www-data`, `www-data:33`. Names are looked up in the image. @throws {CribError} invalid-argument. */
export function parseUser(text: string): User {
  const [user = "", group, ...rest] = text.split(":");
  if (user === "" || rest.length > 0) throw invalidArgument(`user ${JSON.stringify(text)} is not USER or USER:GROUP`);
  const who: User = /^\d+$/.test(user)
    ? { runAsUser: { value: BigInt(parseWholeNumber(user, "user", 0, largestId)) } }
    : { runAsUsername: user };
  return group === undefined
    ? who
    : { ...who, runAsGroup: { value: BigInt(parseWholeNumber(group, "group", 0, largestId)) } };
}
