// The page: loads the component, and brings together where pictures come from and the models that classify them.

import { builtIn } from "./component/loader.js";
import { messageOf } from "./error.js";
import { SIDE, TestImages } from "./images/test-images.js";
import { Models } from "./models.js";
import { pictureOfGrey } from "./picture/open.js";
import { Pictures } from "./pictures.js";
import { announcer } from "./views/announce.js";
import { camera } from "./views/camera.js";
import { fill, find, tell } from "./views/dom.js";
import { drawing } from "./views/drawing.js";
import { files } from "./views/files.js";
import { Gallery } from "./views/gallery.js";
import { navigation } from "./views/navigation.js";
import { keepForOffline } from "./views/offline.js";
import { tabs } from "./views/tabs.js";
import { thumbnails, walkable } from "./views/thumbnails.js";

const COMPONENT = "classifier.wasm";

const say = (/** @type {string} */ text) => {
  find("p", "#status").textContent = text;
};
const problem = (/** @type {string} */ text) => tell(find("p", "#problem"), text);
const loading = find("div", "#loading");

async function start() {
  /** @type {Models | undefined} */
  let models;
  const slots = () => models?.slots ?? [];
  const show = () => {
    turnCameraOff();
    location.hash = "#picture";
  };
  const pictures = new Pictures(slots, { say, problem, show });
  const gallery = new Gallery(
    slots,
    (images, number) => {
      pictures.pick(images, number);
      // Where it was is hidden now.
      find("main", "").focus();
    },
    { say, problem },
  );
  const turnCameraOff = camera(picture => pictures.classify(picture), problem);
  files((file, target) => pictures.take(file, target), problem);
  drawing(picture => pictures.classify(picture), say);
  tabs(find("div", ".tabs"), panel => panel !== "panel-camera" && turnCameraOff());
  navigation(view => {
    gallery.close();
    if (view === "gallery") {
      turnCameraOff();
      say("");
      gallery.open().catch(error => problem(messageOf(error)));
    }
  });

  // Without them all else works.
  const samples = TestImages.load("first").catch(error => problem(messageOf(error)));
  const program = builtIn(COMPONENT, (loaded, total) => {
    fill(find("progress", "#loading-bar"), loaded, total);
    if (loaded === total) {
      find("label", "#loading-text").textContent = "Compiling the component";
      find("progress", "#loading-bar").removeAttribute("value");
    }
  });
  models = new Models(await program, {
    announce: announcer(find("p", "#heard")),
    changed: slot => {
      gallery.forget(slot);
      pictures.again();
    },
    removed: slot => gallery.forget(slot),
  });
  await models.start();
  loading.hidden = true;
  const images = await samples;
  if (images) {
    const place = find("div", "#samples");
    thumbnails(place, images, Array(images.count).keys(), number => pictures.pick(images, number));
    walkable(place);
  }
  if (slots()[0].classifier) {
    if (!(await pictures.again()) && images) {
      find("button", "", find("div", "#samples")).ariaPressed = "true";
      await pictures.classify(pictureOfGrey(images.slice(0), SIDE, SIDE));
    }
    performance.mark("first-result");
    await keepForOffline(find("span", "#offline"));
  }
}

// `requirements.js` has said why.
if (find("div", "#unsupported").hidden) {
  loading.hidden = false;
  start().catch(error => {
    loading.hidden = true;
    problem(messageOf(error));
  });
}
