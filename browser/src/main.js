// The page: loads the component, and brings together where pictures come from and the models that classify them.

import { Calls } from "./component/calls.js";
import { SIDE, TestImages } from "./images/test-images.js";
import { head, kindOf, pictureOfGrey, pixelsOf } from "./picture/open.js";
import { Slot } from "./slot.js";
import { camera } from "./views/camera.js";
import { find, messageOf, tell } from "./views/dom.js";
import { drawing } from "./views/drawing.js";
import { Gallery } from "./views/gallery.js";
import { keepForOffline } from "./views/offline.js";
import { tabs } from "./views/tabs.js";
import { thumbnails, walkable } from "./views/thumbnails.js";

/** @typedef {import("./component/program.js").Program} Program */

const say = (/** @type {string} */ text) => {
  find("p", "#status").textContent = text;
};
const problem = (/** @type {string} */ text) => tell(find("p", "#problem"), text);

/** @type {Slot[]} */
const slots = [];
/** @type {ImageData | undefined} */
let picture;

/** @param {ImageData} next */
async function classify(next) {
  picture = next;
  problem("");
  const preparation = /** @type {import("./picture/prepare.js").Preparation} */ ({
    fit: find("select", "#fit").value,
    invert: find("select", "#invert").value,
  });
  await Promise.all(slots.map(slot => slot.classify(next, preparation)));
}

function again() {
  if (picture) {
    classify(picture);
  }
}

/**
 * @param {TestImages} images
 * @param {number} number
 */
function pick(images, number) {
  location.hash = "#picture";
  say(`Test image ${number + 1}, ${images.label(number)}`);
  return classify(pictureOfGrey(images.slice(number), SIDE, SIDE));
}

/**
 * A file that was chosen, dropped or pasted: a model and a component go where they belong, too.
 *
 * @param {File} file
 */
async function take(file) {
  problem("");
  try {
    const kind = kindOf(file.name, await head(file));
    if ((kind === "onnx" || kind === "wasm") && slots.length === 0) {
      throw new Error(`'${file.name}' has come too early: the component is not loaded yet`);
    }
    if (kind === "onnx") {
      await slots[0].loadModel(file);
    } else if (kind === "wasm") {
      await slots[0].loadComponent(file);
    } else if (kind === "text" || kind === "empty") {
      problem(`'${file.name}' is ${kind}, and no picture, ONNX model or component`);
    } else {
      const pixels = await pixelsOf(file, file.name);
      location.hash = "#picture";
      say(file.name);
      await classify(pixels);
    }
  } catch (error) {
    problem(messageOf(error));
  }
}

/** @param {DataTransfer | null} data */
function takeFrom(data) {
  const file = data?.files[0];
  if (file) {
    take(file);
  } else {
    problem("What was dropped or pasted is no file; a picture has to come as one");
  }
}

function files() {
  const input = find("input", "#file");
  input.addEventListener("change", () => {
    if (input.files?.[0]) {
      take(input.files[0]);
    }
    input.value = "";
  });
  document.addEventListener("paste", event => takeFrom(event.clipboardData));
  const drop = find("div", "#drop");
  document.addEventListener("dragover", event => {
    event.preventDefault();
    drop.hidden = false;
  });
  document.addEventListener("dragleave", event => {
    drop.hidden = event.relatedTarget === null;
  });
  document.addEventListener("drop", event => {
    event.preventDefault();
    drop.hidden = true;
    takeFrom(event.dataTransfer);
  });
}

/** @param {Gallery} gallery */
function views(gallery) {
  const show = () => {
    const isGallery = location.hash === "#gallery";
    document.body.dataset.view = isGallery ? "gallery" : "picture";
    find("section", "#picture-view").hidden = isGallery;
    find("section", "#gallery-view").hidden = !isGallery;
    find("section", "#cell").hidden = true;
    for (const link of document.querySelectorAll("nav a")) {
      link.toggleAttribute("aria-current", false);
      if (link.getAttribute("href") === (isGallery ? "#gallery" : "#picture")) {
        link.setAttribute("aria-current", "page");
      }
    }
    if (isGallery) {
      gallery.open().catch(error => problem(messageOf(error)));
    }
  };
  window.addEventListener("hashchange", show);
  show();
}

/**
 * @param {Program} builtIn
 * @param {Calls} loader
 * @param {Gallery} gallery
 */
function models(builtIn, loader, gallery) {
  const compare = find("button", "#compare");
  const add = (/** @type {boolean} */ isFirst) => {
    const slot = new Slot(find("div", "#models"), builtIn, {
      transpile: (name, file) => loader.call("other", [name, file]),
      say,
      changed: slot => {
        gallery.forget(slot);
        again();
      },
      remove: isFirst
        ? undefined
        : slot => {
            slots.splice(slots.indexOf(slot), 1);
            slot.remove();
            compare.hidden = false;
            compare.focus();
          },
    });
    slots.push(slot);
    return slot.start();
  };
  compare.addEventListener("click", () => {
    compare.hidden = true;
    add(false);
  });
  return add(true).then(() => {
    compare.hidden = false;
  });
}

async function start() {
  const loader = new Calls(new Worker("loader.worker.js", { type: "module" }));
  const bar = find("progress", "#loading-bar");
  const samples = TestImages.load("first");
  const gallery = new Gallery(
    () => slots,
    (images, number) => {
      pick(images, number);
      // Where it was is hidden now.
      find("main", "").focus();
    },
    say,
  );
  views(gallery);
  files();
  const canvas = find("canvas", "#drawing");
  drawing(canvas, find("button", "#clear"), classify, say);
  const off = camera(classify, problem);
  tabs(find("div", ".tabs"), panel => panel !== "panel-camera" && off());
  for (const choice of ["#fit", "#invert"]) {
    find("select", choice).addEventListener("change", again);
  }

  const builtIn = await loader.call("builtIn", ["classifier.wasm"], {
    progress: (/** @type {number} */ loaded, /** @type {number} */ total) => {
      bar.max = total || 1;
      bar.value = total ? loaded : 0;
      if (loaded === total) {
        find("label", "#loading-text").textContent = "Compiling the component";
        bar.removeAttribute("value");
      }
    },
  });
  const images = await samples;
  const place = find("div", "#samples");
  thumbnails(place, images, Array(images.count).keys(), number => pick(images, number));
  walkable(place);
  await models(builtIn, loader, gallery);
  find("div", "#loading").hidden = true;
  if (!slots[0].classifier) {
    return;
  }
  if (!picture) {
    await classify(pictureOfGrey(images.slice(0), SIDE, SIDE));
  }
  performance.mark("first-result");
  await keepForOffline(find("span", "#offline"));
}

// `requirements.js` has said why.
if (find("div", "#unsupported").hidden) {
  start().catch(error => {
    find("div", "#loading").hidden = true;
    problem(messageOf(error));
  });
}
