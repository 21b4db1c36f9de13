// Builds the page into target/browser: everything that it needs, and nothing that a web server would have to do for it.

import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { component } from "./component.js";
import { licences } from "./licences.js";
import { models } from "./models.js";
import { COMPONENT, FULL, PAGE } from "./paths.js";
import { scripts } from "./scripts.js";
import { serviceWorker } from "./service-worker.js";
import { statics } from "./statics.js";
import { testImages } from "./test-images.js";

// What is there stays whole until all of the new page is made.
const folder = `${PAGE}.new`;
await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });

const [usual, full] = await Promise.all(
  [COMPONENT, FULL].map(path =>
    readFile(path).catch(() => {
      console.error(`browser: ${path} is not there: run \`cargo xtask component\``);
      process.exit(1);
    }),
  ),
);
const bundled = await scripts(folder);
await Promise.all([
  component("classifier", usual, folder),
  component("classifier-full", full, folder),
  statics(folder),
  testImages(folder),
  models(folder),
  licences(bundled, join(folder, "licences.txt")),
]);
await serviceWorker(folder);

await rm(PAGE, { recursive: true, force: true });
await rename(folder, PAGE);
