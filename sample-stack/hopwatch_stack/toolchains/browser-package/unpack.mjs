// Unpacks the browser, its fonts and the libraries it wants into the folder TMPDIR.
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";
import { inflate } from "@sparticuz/chromium";

const archives = join(dirname(fileURLToPath(import.meta.resolve("@sparticuz/chromium"))), "../bin");
for (const name of ["al2023.tar.br", "fonts.tar.br", "swiftshader.tar.br", "chromium.br"]) {
  await inflate(join(archives, name));
}
