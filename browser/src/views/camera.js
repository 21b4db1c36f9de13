// Pictures of the camera, several a second while it is on.

import { messageOf } from "../error.js";
import { draw } from "../picture/open.js";
import { clearAlerts } from "./alerts.js";
import { find } from "./dom.js";

/** Milliseconds between two pictures. */
const PAUSE = 250;

/**
 * @param {(picture: ImageData) => Promise<unknown>} seen
 * @param {(text: string) => void} problem
 * @param {() => void} stopped
 * @returns {() => void} Turns the camera off.
 */
export function camera(seen, problem, stopped) {
  const video = find("video", "#video");
  const start = find("button", "#camera-start");
  const stop = find("button", "#camera-stop");
  /** @type {MediaStream | undefined} */
  let stream;
  // Whoever is asked for the camera may take a while to answer, and go elsewhere meanwhile.
  let isWanted = false;

  const off = () => {
    isWanted = false;
    if (stream) {
      end(stream);
      stopped();
    }
    stream = undefined;
    video.srcObject = null;
    video.hidden = true;
    stop.hidden = true;
    start.hidden = false;
  };
  /** @param {MediaStream} mine */
  const look = async mine => {
    try {
      while (stream === mine && mine.active) {
        if (video.videoWidth > 0) {
          await seen(draw(video, video.videoWidth, video.videoHeight));
        }
        await new Promise(resolve => setTimeout(resolve, PAUSE));
      }
    } catch (error) {
      problem(`The camera's picture cannot be used: ${messageOf(error)}`);
    }
    if (stream === mine) {
      off();
    }
  };
  const on = async () => {
    const given = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment", width: { ideal: 640 } },
    });
    if (!isWanted) {
      end(given);
      return;
    }
    stream = given;
    video.srcObject = given;
    await video.play();
    video.hidden = false;
    stop.hidden = false;
    stop.focus();
    start.hidden = true;
    look(given);
  };
  start.addEventListener("click", async () => {
    if (!navigator.mediaDevices) {
      problem("This browser allows the camera only to pages over HTTPS or on localhost");
      return;
    }
    clearAlerts();
    isWanted = true;
    start.disabled = true;
    try {
      await on();
    } catch (error) {
      off();
      problem(`The camera cannot be used: ${remedy(error)}`);
    } finally {
      start.disabled = false;
    }
  });
  stop.addEventListener("click", () => {
    off();
    start.focus();
  });
  return off;
}

/** @param {unknown} error */
function remedy(error) {
  const name = error instanceof Error ? error.name : "";
  const remedies = {
    NotAllowedError: "this page is not allowed to; allow it beside the address, and start again",
    NotFoundError: "there is none; connect one, and start again",
    NotReadableError: "another program uses it; close that program, and start again",
  };
  return Object.entries(remedies).find(([known]) => known === name)?.[1] ?? messageOf(error);
}

/** @param {MediaStream} stream */
function end(stream) {
  for (const track of stream.getTracks()) {
    track.stop();
  }
}
