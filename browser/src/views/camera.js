// Pictures of the camera, several a second while it is on.

import { draw, LONGEST } from "../picture/open.js";
import { find, messageOf } from "./dom.js";

/** Milliseconds between two pictures. */
const PAUSE = 250;

/**
 * @param {(picture: ImageData) => Promise<void>} seen
 * @param {(text: string) => void} problem
 * @returns {() => void} Turns the camera off.
 */
export function camera(seen, problem) {
  const video = find("video", "#video");
  const start = find("button", "#camera-start");
  const stop = find("button", "#camera-stop");
  /** @type {MediaStream | undefined} */
  let stream;
  // Whoever is asked for the camera may take a while to answer, and go elsewhere meanwhile.
  let isWanted = false;

  const show = () => {
    video.hidden = !stream;
    stop.hidden = !stream;
    start.hidden = Boolean(stream);
  };
  const off = () => {
    isWanted = false;
    for (const track of stream?.getTracks() ?? []) {
      track.stop();
    }
    stream = undefined;
    video.srcObject = null;
    show();
  };
  const look = async () => {
    while (stream) {
      if (video.videoWidth > 0) {
        const scale = Math.min(1, LONGEST / Math.max(video.videoWidth, video.videoHeight));
        await seen(draw(video, Math.round(video.videoWidth * scale), Math.round(video.videoHeight * scale)));
      }
      await new Promise(resolve => setTimeout(resolve, PAUSE));
    }
  };
  start.addEventListener("click", async () => {
    if (!navigator.mediaDevices) {
      problem("this browser gives a camera only to pages over HTTPS or on localhost");
      return;
    }
    start.disabled = true;
    isWanted = true;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: "environment", width: { ideal: 640 } },
      });
      video.srcObject = stream;
      await video.play();
      if (isWanted) {
        show();
        look();
      } else {
        off();
      }
    } catch (error) {
      off();
      problem(`the camera cannot be used: ${messageOf(error)}`);
    } finally {
      start.disabled = false;
    }
  });
  stop.addEventListener("click", off);
  return off;
}
