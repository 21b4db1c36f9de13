// The processor's time of a browser, all of its processes together or some of their threads: what other programs do disturbs
// it far less than the clock. Linux tells it.

import { readdir, readFile } from "node:fs/promises";

/**
 * @param {number} pid Of the browser's first process.
 * @param {string} [thread] Of the threads with this name alone.
 * @returns {Promise<number>} Milliseconds so far; NaN where the system does not tell.
 */
export async function processorTime(pid, thread) {
  if (process.platform !== "linux") {
    return Number.NaN;
  }
  const folder = `/proc/${pid}/task`;
  const parts = (await names(folder)).map(async id => {
    const [name, ran, children] = await Promise.all(
      ["comm", "schedstat", "children"].map(file => text(`${folder}/${id}/${file}`)),
    );
    const own = thread === undefined || name.trim() === thread ? Number(ran.split(" ")[0]) / 1e6 : 0;
    const others = children.split(" ").filter(Boolean);
    return own + sum(await Promise.all(others.map(child => processorTime(Number(child), thread))));
  });
  return sum(await Promise.all(parts));
}

// What has ended meanwhile has no time any more.
const names = (/** @type {string} */ folder) => readdir(folder).catch(() => []);
const text = (/** @type {string} */ path) => readFile(path, "utf8").catch(() => "");
const sum = (/** @type {number[]} */ values) => values.reduce((sum, value) => sum + value, 0);
