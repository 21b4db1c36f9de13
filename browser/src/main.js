// The page: loads the component, and brings together where pictures come from and the models that classify them.

import { builtIn } from "./component/built-in.js";
import { getReady } from "./component/classifier.js";
import { messageOf } from "./error.js";
import { TestImages } from "./images/test-images.js";
import { Models } from "./models.js";
import { Preparer } from "./picture/preparer.js";
import { Pictures } from "./pictures.js";
import { alert, closeable } from "./views/alerts.js";
import { announcer } from "./views/announce.js";
import { camera } from "./views/camera.js";
import { fill, find } from "./views/dom.js";
import { drawing } from "./views/drawing.js";
import { files } from "./views/files.js";
import { Gallery } from "./views/gallery.js";
import { Navigation } from "./views/navigation.js";
import { keepForOffline } from "./views/offline.js";
import { Tabs } from "./views/tabs.js";
import { press, thumbnails, walkable } from "./views/thumbnails.js";

const COMPONENT = "classifier.wasm";

const problem = (/** @type {string} */ text) => alert(find("div", "#problem"), text);
const loading = find("div", "#loading");

async function start() {
  /** @type {Models | undefined} */
  let models;
  const slots = () => models?.slots ?? [];
  const samples = find("div", "#samples");
  /** The tab from which a picture was asked for. */
  let left = "";
  closeable();
  const pictures = new Pictures(slots, {
    problem,
    show: () => {
      left = tabs.selected;
      turnCameraOff();
      navigation.toPicture();
    },
    shown: ({ origin, name }) => {
      // Who has gone to another tab meanwhile stays there.
      if (tabs.selected === left) {
        tabs.select(`panel-${origin}`);
      }
      press(samples, name);
    },
  });
  const gallery = new Gallery(slots, (images, number) => pictures.pick(images, number), problem);
  const turnCameraOff = camera(
    picture => pictures.live(picture, "camera"),
    problem,
    () => pictures.rest(),
  );
  files((chosen, target) => pictures.take(chosen, target), problem);
  drawing(picture => pictures.live(picture, "draw"));
  const tabs = new Tabs(find("div", ".tabs"), panel => panel !== "panel-camera" && turnCameraOff());
  const navigation = new Navigation(view => {
    if (view === "gallery") {
      turnCameraOff();
      gallery.open().catch(error => problem(messageOf(error)));
    }
  });

  const program = builtIn(COMPONENT, (loaded, total) => {
    fill(find("progress", "#loading-bar"), loaded, total);
    if (loaded === total) {
      find("label", "#loading-text").textContent = "Compiling the component";
      find("progress", "#loading-bar").removeAttribute("value");
    }
  });
  // What comes up while the component is loaded.
  getReady();
  const preparer = new Preparer();
  // Without them all else works.
  const first = TestImages.load("first").then(
    images => {
      thumbnails(samples, images, Array(images.count).keys(), number => pictures.pick(images, number));
      walkable(samples);
      return images;
    },
    error => problem(messageOf(error)),
  );
  models = new Models(await program, {
    preparer,
    announce: announcer(find("p", "#heard")),
    changed: slot => {
      gallery.forget(slot);
      pictures.again();
    },
    removed: slot => gallery.forget(slot),
  });
  await models.start();
  loading.hidden = true;
  const images = await first;
  if (slots()[0].classifier) {
    if (!(await pictures.again()) && images) {
      press(samples, images.name(0));
      await pictures.begin(images, 0);
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
