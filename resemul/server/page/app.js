// The page: takes songs in, and puts them through the service one after the other.

import { fetchModels, setToken } from "./api.js";
import { record } from "./recording.js";
import { Song } from "./song.js";

const find = (selector) => document.querySelector(selector);
const say = (text) => { find("#notice").textContent = text; };
let line = Promise.resolve();

function chosenModels() {
  return [...document.querySelectorAll("#models input:checked")].map((box) => box.value);
}

function add(files) {
  const models = chosenModels();
  if (!models.length) return say("Choose at least one model.");
  const songs = [...files].map((file) => new Song(file, models));
  if (!songs.length) return say("There was no file in that.");
  find("#songs").prepend(...songs.map((song) => song.element));
  say(songs.length === 1 ? `${songs[0].file.name} was added.` : `${songs.length} songs were added.`);
  for (const song of songs) {
    line = line.then(async () => {
      await song.run();
      say(`${song.file.name}: ${song.find(".state").textContent}`);
    });
  }
}

async function showModels() {
  try {
    for (const { name, tags } of await fetchModels()) {
      const label = document.createElement("label");
      const box = Object.assign(document.createElement("input"), {
        type: "checkbox", value: name, checked: true,
      });
      label.append(box, ` ${name} (${tags.length} tags)`);
      find("#models").append(label);
    }
  } catch (error) {
    say(error.message);
  }
}

function setUpDrop() {
  const drop = find("#drop");
  addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  for (const kind of ["dragleave", "drop"]) {
    addEventListener(kind, () => drop.classList.remove("over"));
  }
  addEventListener("drop", (event) => {
    event.preventDefault();
    add(event.dataTransfer.files);
  });
  addEventListener("paste", (event) => {
    if (event.clipboardData.files.length) add(event.clipboardData.files);
  });
  find("#pick").addEventListener("click", () => find("#files").click());
  find("#files").addEventListener("change", ({ target }) => {
    add(target.files);
    target.value = "";
  });
}

function setUpRecording() {
  const button = find("#record");
  let stop = null;
  button.addEventListener("click", async () => {
    if (stop) {
      add([await stop()]);
      stop = null;
    } else {
      try {
        stop = await record();
        say("Recording; press the button again to end it.");
      } catch (error) {
        say(error.message);
      }
    }
    button.setAttribute("aria-pressed", String(stop !== null));
    button.textContent = stop ? "End the recording" : "Record";
  });
}

async function askForToken() {
  const { needs_token: needed } = await (await fetch("health/ready")).json();
  find("#token-field").hidden = !needed;
  find("#token-field").addEventListener("submit", (event) => event.preventDefault());
  find("#token").addEventListener("change", ({ target }) => setToken(target.value));
}

setUpDrop();
setUpRecording();
showModels();
askForToken().catch(() => {});
