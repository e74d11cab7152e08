// One song of the list: its way through the service, its pictures and its player.

import { askForJob, cancelJob, startJob } from "./api.js";
import { save, toAudacity, toCsv, toJson, toPng } from "./downloads.js";
import { drawTaggram, drawWave, formatTime, span } from "./pictures.js";

const ROWS = 12;
const PAUSE = 400;

export class Song {
  constructor(file, models) {
    this.file = file;
    this.models = models;
    this.results = [];
    const template = document.querySelector("#song-template");
    this.element = template.content.firstElementChild.cloneNode(true);
    this.find("h2").textContent = file.name;
    this.setState("waiting");
    this.find(".cancel").addEventListener("click", () => this.cancel());
    this.find(".remove").addEventListener("click", () => this.remove());
    this.isCancelled = false;
    this.sending = new AbortController();
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  setState(text) {
    this.find(".state").textContent = text;
  }

  async run() {
    if (this.isCancelled) return;
    const bar = this.find("progress");
    bar.hidden = false;
    bar.removeAttribute("value");
    bar.setAttribute("aria-label", `Progress of ${this.file.name}`);
    this.setState("sending");
    try {
      this.job = (await startJob(this.file, this.models, this.sending.signal)).id;
      await this.follow();
    } catch (error) {
      if (!this.isCancelled) this.fail(error.message);
    } finally {
      bar.hidden = true;
      this.find(".cancel").hidden = true;
      this.find(".remove").hidden = false;
    }
  }

  async follow() {
    while (!this.isCancelled) {
      const { isOver, content } = await askForJob(this.job);
      if (isOver) {
        cancelJob(this.job).catch(() => {}); // its result need not be kept
        this.show(content.results);
        return;
      }
      const { state, seconds_heard: heard } = content.files[0];
      this.setState(state === "working" ? `${formatTime(heard)} heard` : state);
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }

  async cancel() {
    this.isCancelled = true;
    this.sending.abort();
    this.setState("cancelled");
    this.find(".cancel").hidden = true;
    this.find(".remove").hidden = false;
    this.find("progress").hidden = true;
    if (this.job) await cancelJob(this.job).catch(() => {});
  }

  remove() {
    const next = this.element.nextElementSibling ?? this.element.previousElementSibling;
    this.find("audio").pause();
    if (this.address) URL.revokeObjectURL(this.address);
    this.element.remove();
    (next?.querySelector(".remove:not([hidden])") ?? document.querySelector("#pick")).focus();
  }

  fail(message) {
    this.setState("failed");
    const error = this.find(".error");
    error.textContent = message;
    error.hidden = false;
  }

  show(results) {
    this.results = results;
    const silent = results.every((result) => result.status === "silent");
    if (silent) return this.setState("silent: there is nothing to tag");
    this.seconds = Math.max(...results.map((result) => result.seconds));
    const short = results.some((result) => result.status === "short");
    this.setState(`${formatTime(this.seconds)}${short ? ", short: filled up" : ""}`);
    this.find(".result").hidden = false;
    this.setUpModels();
    this.setUpPlayer();
    this.setUpDownloads();
    this.find(".filter").addEventListener("input", () => this.update());
    this.find(".threshold").addEventListener("input", () => this.update());
    new ResizeObserver(() => this.draw()).observe(this.find(".picture"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.update();
  }

  setUpModels() {
    const select = this.find("select");
    this.results.forEach((result, i) => select.add(new Option(result.model, i)));
    this.find(".model-choice").hidden = this.results.length < 2;
    select.addEventListener("change", () => this.update());
  }

  get result() {
    return this.results[Number(this.find("select").value)];
  }

  get threshold() {
    return Number(this.find(".threshold").value);
  }

  get tags() {
    const part = this.find(".filter").value.trim().toLowerCase();
    return Object.entries(this.result.tags)
      .filter(([tag]) => tag.toLowerCase().includes(part))
      .sort((a, b) => b[1] - a[1]);
  }

  update() {
    this.find("output").textContent = this.threshold.toFixed(2);
    this.find(".tags").replaceChildren(...this.tags.map(([tag, score]) => this.item(tag, score)));
    this.find(".table").replaceChildren(this.table());
    this.find(".command").textContent = this.command();
    this.draw();
  }

  item(tag, score) {
    const item = document.createElement("li");
    item.classList.toggle("below", score < this.threshold);
    const bar = document.createElement("span");
    bar.className = "bar";
    bar.style.width = `${100 * score}%`;
    const name = document.createElement("span");
    name.textContent = tag;
    const number = document.createElement("span");
    number.className = "score";
    number.textContent = score.toFixed(2);
    item.append(bar, name, number);
    return item;
  }

  // What the taggram shows, for those who do not see it.
  table() {
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    for (const title of ["from", "to", "strongest tags"]) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = title;
      head.append(cell);
    }
    const body = table.createTBody();
    const shown = new Set(this.tags.map(([tag]) => tag));
    for (const { start, end, tags } of this.result.timeline ?? []) {
      const row = body.insertRow();
      row.insertCell().textContent = formatTime(start);
      row.insertCell().textContent = formatTime(end);
      row.insertCell().textContent = Object.entries(tags)
        .filter(([tag]) => shown.has(tag)).sort((a, b) => b[1] - a[1]).slice(0, 3)
        .map(([tag, score]) => `${tag} ${score.toFixed(2)}`).join(", ");
    }
    return table;
  }

  draw() {
    if (!this.results.length) return;
    const rows = this.tags.slice(0, ROWS).map(([tag]) => tag);
    drawWave(this.find(".wave"), this.result.peaks ?? []);
    drawTaggram(this.find(".taggram"), rows, this.result.timeline ?? [], this.seconds,
      this.threshold);
    this.moveCursor();
  }

  setUpPlayer() {
    const audio = this.find("audio"), play = this.find(".play");
    this.address = URL.createObjectURL(this.file);
    audio.src = this.address;
    audio.addEventListener("error", () => {
      play.disabled = true;
      play.title = "This browser cannot play the file";
    });
    play.addEventListener("click", () => this.toggle());
    for (const kind of ["play", "pause", "ended"]) {
      audio.addEventListener(kind, () => {
        play.setAttribute("aria-label", audio.paused ? "Play" : "Pause");
        play.textContent = audio.paused ? "\u25b6" : "\u275a\u275a";
      });
    }
    audio.addEventListener("timeupdate", () => this.moveCursor());
    const picture = this.find(".picture");
    picture.setAttribute("aria-valuemax", Math.round(this.seconds));
    picture.addEventListener("pointerdown", (event) => this.seekTo(event));
    picture.addEventListener("keydown", (event) => this.handleKey(event));
    this.position = 0;
  }

  toggle() {
    const audio = this.find("audio");
    if (audio.paused) audio.play().catch(() => {});
    else audio.pause();
  }

  seekTo(event) {
    const box = this.find(".picture").getBoundingClientRect();
    const { left, right } = span(box.width);
    const share = (event.clientX - box.left - left) / (right - left);
    this.seek(share * this.seconds);
  }

  seek(seconds) {
    this.position = Math.min(this.seconds, Math.max(0, seconds));
    const audio = this.find("audio");
    if (audio.readyState > 0) audio.currentTime = this.position;
    this.moveCursor(this.position);
  }

  handleKey(event) {
    const now = this.now;
    const places = {
      ArrowLeft: now - 5, ArrowRight: now + 5, ArrowDown: now - 5, ArrowUp: now + 5,
      PageDown: now - 10, PageUp: now + 10, Home: 0, End: this.seconds,
    };
    if (event.key === " ") this.toggle();
    else if (event.key in places) this.seek(places[event.key]);
    else return;
    event.preventDefault();
  }

  get now() {
    const audio = this.find("audio");
    return audio.readyState > 0 ? audio.currentTime : this.position;
  }

  moveCursor(seconds = this.now) {
    const picture = this.find(".picture");
    const { left, right } = span(picture.clientWidth);
    const place = left + (right - left) * Math.min(1, seconds / this.seconds);
    this.find(".cursor").style.left = `${place}px`;
    this.find(".time").textContent = `${formatTime(seconds)} of ${formatTime(this.seconds)}`;
    picture.setAttribute("aria-valuenow", Math.round(seconds));
    picture.setAttribute("aria-valuetext",
      `${formatTime(seconds)} of ${formatTime(this.seconds)}`);
  }

  setUpDownloads() {
    const name = this.file.name.replace(/\.[^.]*$/, "");
    this.find(".downloads").addEventListener("click", async ({ target }) => {
      const makers = {
        json: () => toJson(name, this.results),
        csv: () => toCsv(name, this.results),
        audacity: () => toAudacity(name, this.result, this.threshold),
        png: () => toPng(name, [this.find(".wave"), this.find(".taggram")]),
      };
      const make = makers[target.dataset?.format];
      if (make) save(await make());
    });
  }

  command() {
    const quoted = `'${this.file.name.replaceAll("'", "'\\''")}'`;
    const address = new URL("tag", location.href);
    address.search = new URLSearchParams({ model: this.result.model, timeline: "true" });
    return `curl -F file=@${quoted} '${address}'`;
  }
}
