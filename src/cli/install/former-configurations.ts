/**
 * SHA-256 of each configuration file that earlier versions installed, newest first. One that is found unchanged was written
 * by nobody: what it says, 10.88.0.0/16 for one, is no person's wish, and an upgrade replaces it.
 */
export const formerConfigurations: readonly string[] = [
  "e45c0e33cc69a13ce35f67631d33eb8b3e70daa1bde27f56d14fea590d03cda7",
  "802efb83dcc04cf2e5b1bf2779fce6c3acee70aae2cc910dd2f21030b6ad22db",
  "925a86c4712b502bf84b3231adb57f4ea897a887497dd9f45e26d5f8ede805ef",
  "5bb0ed7412251a91a4d2191ed71007952a055ce505701dfcc142ebf7e46d787d",
  "b08b17a3cb2dbfce964647d4ac2e1fb573bc0ccdadf00de4d586fc1b2af62555",
];
